package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"weft/internal/atomicfile"
	"weft/tensor"
)

// Write makes path hold the tensors, in the order given, atomically: the file appears whole or not at all. The same
// input gives the same bytes. The metadata gains a checksum (see [ChecksumKey]) and, unless it has one, the "format"
// that transformers asks for. Nothing larger than one tensor is held in memory.
func Write(path string, tensors []Named, metadata map[string]string) error {
	header, err := makeHeader(tensors, metadata)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	sums := &chunker{}
	if err := writeData(sums, tensors); err != nil { // the first pass: the header comes before what it sums up
		return fmt.Errorf("write %s: %w", path, err)
	}
	digits := bytes.Index(header, []byte(blank))
	copy(header[digits:], checksum(header, sums.finish()))
	return atomicfile.WriteFile(path, func(w io.Writer) error {
		if err := binary.Write(w, binary.LittleEndian, uint64(len(header))); err != nil {
			return err
		}
		if _, err := w.Write(header); err != nil {
			return err
		}
		return writeData(w, tensors)
	})
}

// makeHeader lays the tensors out and returns the header, with zeros for the checksum.
func makeHeader(tensors []Named, metadata map[string]string) ([]byte, error) {
	if len(tensors) > maxTensors {
		return nil, fmt.Errorf("%d tensors are more than %d", len(tensors), maxTensors)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"%s":%s`, metadataKey, makeMetadata(metadata))
	seen := map[string]bool{metadataKey: true}
	size := 0
	for _, t := range tensors {
		if seen[t.Name] {
			return nil, fmt.Errorf("two tensors are named %q", t.Name)
		}
		if !utf8.ValidString(t.Name) {
			return nil, fmt.Errorf("the tensor name %q is not UTF-8", t.Name)
		}
		seen[t.Name] = true
		end, err := extent(t, size)
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", t.Name, err)
		}
		shape, _ := json.Marshal(append([]int{}, t.Shape...)) // ints always marshal; never null
		fmt.Fprintf(&b, `,%s:{"dtype":"%v","shape":%s,"data_offsets":[%d,%d]}`, quote(t.Name), t.DType, shape, size, end)
		size = end
	}
	b.WriteByte('}')
	for b.Len()%8 != 0 { // so that the data is aligned in the file, as readers that map it like
		b.WriteByte(' ')
	}
	if b.Len() > maxHeader {
		return nil, fmt.Errorf("a header of %d bytes is above the format's limit of %d", b.Len(), maxHeader)
	}
	return b.Bytes(), nil
}

// makeMetadata writes the metadata, with zeros for the checksum. That comes first, so that its place is found without
// parsing what callers put into the other texts.
func makeMetadata(metadata map[string]string) string {
	meta := map[string]string{"format": "pt"}
	maps.Copy(meta, metadata)
	delete(meta, ChecksumKey)
	text := "{" + quote(ChecksumKey) + ":" + quote(blank)
	for _, key := range slices.Sorted(maps.Keys(meta)) {
		text += "," + quote(key) + ":" + quote(meta[key])
	}
	return text + "}"
}

// extent is where a tensor that begins at begin ends.
func extent(t Named, begin int) (end int, err error) {
	if d, ok := dtypes[t.DType.String()]; !ok || d != t.DType {
		return 0, fmt.Errorf("safetensors cannot hold %v", t.DType)
	}
	if len(t.Shape) > maxDims {
		return 0, fmt.Errorf("%d dimensions", len(t.Shape))
	}
	n, err := tensor.SizeOf(t.DType, t.Shape)
	if err == nil && begin > maxInt-n {
		err = errors.New("the file would be larger than memory can address")
	}
	return begin + n, err
}

func writeData(w io.Writer, tensors []Named) error {
	for _, t := range tensors {
		data, err := t.Bytes()
		if err != nil {
			return err
		}
		if _, err := w.Write(data); err != nil {
			return err
		}
	}
	return nil
}

// quote writes a JSON string. Invalid UTF-8 becomes U+FFFD.
func quote(s string) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.Encode(s) // a string always encodes
	return strings.TrimSuffix(b.String(), "\n")
}
