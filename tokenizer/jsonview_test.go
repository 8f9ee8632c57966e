package tokenizer

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// FuzzView: walking a text finds what encoding/json finds.
func FuzzView(f *testing.F) {
	for _, text := range []string{
		`{}`, `[]`, ` { "a" : 1 , "b\"}]" : [ 1, "]", {"c":[]} ] ,"d": null}`, `{"a":"\\","a":2}`, `[1,-2.5e3,"\u00e9\"",true,[[],[]],{"x":{}}]`,
		"[\"\\ud800\", \"\xff\"]", "{\"\":\n\"\"\t,\"k\":[\r1 ]}",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		text = []byte(strings.TrimSpace(string(text)))
		if !json.Valid(text) {
			return
		}
		switch text[0] {
		case '{':
			var want map[string]json.RawMessage
			if err := json.Unmarshal(text, &want); err != nil {
				t.Fatal(err)
			}
			got := map[string]json.RawMessage{}
			err := members(text, func(key string, value []byte) error { got[key] = value; return nil })
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %s, %v, want %s", text, got, err, want)
			}
		case '[':
			want := []json.RawMessage{}
			if err := json.Unmarshal(text, &want); err != nil {
				t.Fatal(err)
			}
			got := []json.RawMessage{}
			err := elements(text, func(value []byte) error { got = append(got, value); return nil })
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %s, %v, want %s", text, got, err, want)
			}
		case '"':
			var want string
			if err := json.Unmarshal(text, &want); err != nil {
				t.Fatal(err)
			}
			if got, err := unquote(text); err != nil || got != want {
				t.Errorf("%s: %q, %v, want %q", text, got, err, want)
			}
		}
	})
}
