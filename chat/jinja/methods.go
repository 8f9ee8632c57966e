package jinja

import (
	"errors"
	"fmt"
	"slices"
)

type (
	listMethod func(in *interp, l *List, a *args) (Value, error)
	dictMethod func(in *interp, d *Dict, a *args) (Value, error)
)

// The methods of Python's lists and dicts. Tuples have count and index only.
var (
	listMethods = map[string]listMethod{
		"append": listAppend, "clear": listClear, "copy": listCopy, "count": listCount, "extend": listExtend,
		"index": listIndex, "insert": listInsert, "pop": listPop, "remove": listRemove, "reverse": listReverse,
	}
	dictMethods = map[string]dictMethod{
		"clear": dictClear, "copy": dictCopy, "get": dictGet, "items": dictItems, "keys": dictKeys, "pop": dictPop,
		"setdefault": dictSetDefault, "update": dictUpdate, "values": dictValues,
	}
)

// one is the only argument of a method.
func one(a *args) (Value, error) {
	if len(a.plain) != 1 || len(a.named) > 0 {
		return nil, fmt.Errorf("it takes one argument, got %d", len(a.plain)+len(a.named))
	}
	return a.plain[0], nil
}

func none(a *args) error {
	_, err := a.bind()
	return err
}

func listAppend(in *interp, l *List, a *args) (Value, error) {
	v, err := one(a)
	if err == nil {
		l.items = append(l.items, v)
	}
	return nil, errors.Join(err, in.memory(itemSize))
}

func listClear(_ *interp, l *List, a *args) (Value, error) {
	l.items = nil
	return nil, none(a)
}

func listCopy(in *interp, l *List, a *args) (Value, error) {
	return NewList(slices.Clone(l.items)...), errors.Join(none(a), in.items(len(l.items)))
}

func listCount(in *interp, l *List, a *args) (Value, error) {
	v, err := one(a)
	if err != nil {
		return nil, err
	}
	n := int64(0)
	for _, item := range l.items {
		same, err := in.equal(item, v)
		if err != nil {
			return nil, err
		}
		n += integer(same)
	}
	return n, nil
}

func listExtend(in *interp, l *List, a *args) (Value, error) {
	v, err := one(a)
	if err != nil {
		return nil, err
	}
	more, err := in.list(v)
	l.items = append(l.items, more...)
	return nil, err
}

// find is where in a list a value is, -1 if nowhere.
func (in *interp) find(l *List, v Value) (int, error) {
	for i, item := range l.items {
		if same, err := in.equal(item, v); err != nil || same {
			return i, err
		}
	}
	return -1, nil
}

func listIndex(in *interp, l *List, a *args) (Value, error) {
	v, err := one(a)
	if err != nil {
		return nil, err
	}
	i, err := in.find(l, v)
	if i < 0 && err == nil {
		err = errors.New("the list does not have that item")
	}
	return int64(i), err
}

func listInsert(in *interp, l *List, a *args) (Value, error) {
	if len(a.plain) != 2 {
		return nil, errors.New("it takes a position and an item")
	}
	i, ok := whole(a.plain[0])
	if !ok {
		return nil, errors.New("the position must be an integer")
	}
	size := int64(len(l.items))
	if i < 0 {
		i += size
	}
	i = max(0, min(i, size))
	l.items = slices.Insert(l.items, int(i), a.plain[1])
	return nil, errors.Join(in.work(len(l.items)), in.memory(itemSize))
}

func listPop(in *interp, l *List, a *args) (Value, error) {
	i := int64(-1)
	if len(a.plain) > 0 {
		var ok bool
		if i, ok = whole(a.plain[0]); !ok || len(a.plain) > 1 {
			return nil, errors.New("it takes one position")
		}
	}
	if i < 0 {
		i += int64(len(l.items))
	}
	if i < 0 || i >= int64(len(l.items)) {
		return nil, errors.New("the list does not have that item")
	}
	v := l.items[i]
	l.items = slices.Delete(l.items, int(i), int(i)+1)
	return v, in.work(len(l.items) - int(i))
}

func listRemove(in *interp, l *List, a *args) (Value, error) {
	i, err := listIndex(in, l, a)
	if err != nil {
		return nil, err
	}
	_, err = listPop(in, l, &args{plain: []Value{i}})
	return nil, err
}

func listReverse(in *interp, l *List, a *args) (Value, error) {
	slices.Reverse(l.items)
	return nil, errors.Join(none(a), in.work(len(l.items)))
}

func dictClear(_ *interp, d *Dict, a *args) (Value, error) {
	*d = *NewDict()
	return nil, none(a)
}

func dictCopy(in *interp, d *Dict, a *args) (Value, error) {
	c := NewDict()
	if err := in.merge(c, d); err != nil {
		return nil, err
	}
	return c, none(a)
}

func (in *interp) merge(into, from *Dict) error {
	for i, k := range from.keys {
		if err := into.set(k, from.values[i]); err != nil {
			return err
		}
	}
	return in.items(2 * len(from.keys))
}

// entry sorts the arguments of the methods that look up a key.
func entry(a *args) (key, absent Value, err error) {
	if len(a.plain) < 1 || len(a.plain) > 2 || len(a.named) > 0 {
		return nil, nil, errors.New("it takes a key and a default")
	}
	if _, err := hash(a.plain[0]); err != nil {
		return nil, nil, err
	}
	return a.plain[0], append(a.plain, nil)[1], nil
}

func dictGet(_ *interp, d *Dict, a *args) (Value, error) {
	key, absent, err := entry(a)
	if err != nil {
		return nil, err
	}
	if v, ok := d.get(key); ok {
		return v, nil
	}
	return absent, nil
}

func dictItems(in *interp, d *Dict, a *args) (Value, error) {
	return &view{"dict_items", d.items()}, errors.Join(none(a), in.items(3*len(d.keys)))
}

func dictKeys(in *interp, d *Dict, a *args) (Value, error) {
	return &view{"dict_keys", slices.Clone(d.keys)}, errors.Join(none(a), in.items(len(d.keys)))
}

func dictValues(in *interp, d *Dict, a *args) (Value, error) {
	return &view{"dict_values", slices.Clone(d.values)}, errors.Join(none(a), in.items(len(d.keys)))
}

func dictPop(in *interp, d *Dict, a *args) (Value, error) {
	key, absent, err := entry(a)
	if err != nil {
		return nil, err
	}
	h, _ := hash(key)
	i, ok := d.at[h]
	switch {
	case ok:
		v := d.values[i]
		d.remove(i)
		return v, in.work(len(d.keys))
	case len(a.plain) == 1:
		return nil, errors.New("the dict does not have that key")
	}
	return absent, nil
}

func dictSetDefault(in *interp, d *Dict, a *args) (Value, error) {
	key, absent, err := entry(a)
	if err != nil {
		return nil, err
	}
	if v, ok := d.get(key); ok {
		return v, nil
	}
	return absent, errors.Join(d.set(key, absent), in.items(2))
}

func dictUpdate(in *interp, d *Dict, a *args) (Value, error) {
	made, err := makeDict(in, a)
	if err != nil {
		return nil, err
	}
	return nil, in.merge(d, made.(*Dict))
}
