// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Bounds of what DecodeStrict takes.
const (
	// MaxDepth bounds the nesting of JSON: more than any record has, and less
	// than would tire a stack.
	MaxDepth = 32
	// MaxElements bounds a list, and MaxValues all values together: twice the
	// records of the largest claim, and more than a batch of the largest sales
	// has. An empty element is three bytes of JSON and hundreds of memory, so
	// that the length of a text alone does not bound what it takes.
	MaxElements = 2 * MaxClaimCoupons
	MaxValues   = 1_000_000
)

// DecodeStrict decodes JSON into v, a pointer to a zero value, and refuses with
// INVALID_REQUEST whatever two readers could understand differently: text that
// is not UTF-8 or has half a surrogate pair, anything after the value, a key
// that is there twice or in another case or unknown, null, numbers that do not
// fit, nesting beyond MaxDepth, more than MaxElements or MaxValues. Keys that are missing leave zero values, which
// callers check. The error of an UnmarshalText below keeps its reason. After an
// error v may be partly filled.
func DecodeStrict(data []byte, v any) error {
	if !utf8.Valid(data) {
		return Refuse(ReasonInvalidRequest, "", "the text is not UTF-8")
	}
	if !json.Valid(data) {
		return Refuse(ReasonInvalidRequest, "", "the text is not one JSON value")
	}
	w := walker{data: data, structs: make(map[reflect.Type]map[string]reflect.Type)}
	if err := w.value(reflect.TypeOf(v), 0); err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	return decodeError(decoder.Decode(v))
}

func decodeError(err error) error {
	var refused *Error
	var wrongType *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refused):
		return refused
	case errors.As(err, &wrongType):
		return Refuse(ReasonInvalidRequest, wrongType.Field, "a %s does not fit here", strings.Fields(wrongType.Value)[0])
	default:
		return Refuse(ReasonInvalidRequest, "", "the JSON does not have the form expected")
	}
}

// walker goes through JSON that is known to be valid, beside the Go type that
// it is for. The standard decoder takes keys in any case and the last of equal
// ones; here they are compared exactly.
type walker struct {
	data    []byte
	pos     int
	values  int
	structs map[reflect.Type]map[string]reflect.Type // keys of a struct and their types
}

// value goes past one value. The type is nil where it does not matter.
func (w *walker) value(t reflect.Type, depth int) *Error {
	if depth > MaxDepth {
		return Refuse(ReasonInvalidRequest, "", "the JSON is nested too deeply")
	}
	if w.values++; w.values > MaxValues {
		return Refuse(ReasonInvalidRequest, "", "the JSON has more than %d values", MaxValues)
	}
	t = decoded(t)
	switch w.next() {
	case '{':
		return w.object(t, depth)
	case '[':
		return w.array(t, depth)
	case '"':
		return w.text()
	case 'n':
		return Refuse(ReasonInvalidRequest, "", "null is no value here")
	default:
		for w.pos < len(w.data) && !bytes.ContainsRune([]byte(",]} \t\r\n"), rune(w.data[w.pos])) {
			w.pos++
		}
		return nil
	}
}

func (w *walker) object(t reflect.Type, depth int) *Error {
	seen := make(map[string]bool)
	for w.open('}') {
		key, err := w.key()
		if err != nil {
			return err
		}
		folded := strings.ToLower(key)
		if seen[folded] {
			return Refuse(ReasonInvalidRequest, "", "the key %.64q is there twice", key)
		}
		seen[folded] = true
		member, known := w.member(t, key)
		if !known {
			return Refuse(ReasonInvalidRequest, "", "the key %.64q is unknown", key)
		}
		if err := w.value(member, depth+1); err != nil {
			return err.within(key)
		}
	}
	return nil
}

func (w *walker) array(t reflect.Type, depth int) *Error {
	var element reflect.Type
	if t != nil && (t.Kind() == reflect.Slice || t.Kind() == reflect.Array) {
		element = t.Elem()
	}
	for i := 0; w.open(']'); i++ {
		if i == MaxElements {
			return Refuse(ReasonInvalidRequest, "", "a list has at most %d elements", MaxElements)
		}
		if err := w.value(element, depth+1); err != nil {
			return err.within("[" + strconv.Itoa(i) + "]")
		}
	}
	return nil
}

// open goes past the bracket or comma before a member; it is false, and past
// the closing bracket, where there is none.
func (w *walker) open(closing byte) bool {
	last := w.next() == closing
	w.pos++
	if last || w.next() != closing {
		return !last
	}
	w.pos++
	return false
}

// next goes to the next byte that is not white space and returns it.
func (w *walker) next() byte {
	for {
		switch c := w.data[w.pos]; c {
		case ' ', '\t', '\r', '\n':
			w.pos++
		default:
			return c
		}
	}
}

// key goes past a key and its colon.
func (w *walker) key() (string, *Error) {
	start := w.pos
	if err := w.text(); err != nil {
		return "", err
	}
	literal := w.data[start:w.pos]
	w.next()
	w.pos++
	if bytes.IndexByte(literal, '\\') < 0 {
		return string(literal[1 : len(literal)-1]), nil
	}
	var key string
	if err := json.Unmarshal(literal, &key); err != nil {
		return "", Refuse(ReasonInvalidRequest, "", "a key is not a text")
	}
	return key, nil
}

// text goes past a string.
func (w *walker) text() *Error {
	for w.pos++; w.data[w.pos] != '"'; w.pos++ {
		if w.data[w.pos] != '\\' {
			continue
		}
		w.pos++
		if w.data[w.pos] != 'u' {
			continue
		}
		first := w.escaped(w.pos + 1)
		w.pos += 4
		if !utf16.IsSurrogate(first) {
			continue
		}
		if w.data[w.pos+1] != '\\' || w.data[w.pos+2] != 'u' ||
			utf16.DecodeRune(first, w.escaped(w.pos+3)) == utf8.RuneError {
			return Refuse(ReasonInvalidRequest, "", "a text has half a surrogate pair")
		}
		w.pos += 6
	}
	w.pos++
	return nil
}

// escaped returns the four hexadecimal digits at a place, which valid JSON has
// after \u.
func (w *walker) escaped(at int) rune {
	n, err := strconv.ParseUint(string(w.data[at:at+4]), 16, 16)
	if err != nil {
		return utf8.RuneError
	}
	return rune(n)
}

// member returns the type that goes with a key, nil if any will do.
func (w *walker) member(t reflect.Type, key string) (reflect.Type, bool) {
	switch {
	case t == nil:
		return nil, true
	case t.Kind() == reflect.Map:
		return t.Elem(), true
	case t.Kind() != reflect.Struct:
		return nil, true
	}
	members, ok := w.structs[t]
	if !ok {
		members = membersOf(t)
		w.structs[t] = members
	}
	member, known := members[key]
	return member, known
}

func membersOf(t reflect.Type) map[string]reflect.Type {
	members := make(map[string]reflect.Type)
	for _, f := range reflect.VisibleFields(t) {
		tag := f.Tag.Get("json")
		name, _, _ := strings.Cut(tag, ",")
		switch {
		case tag == "-" || !f.IsExported() || f.Anonymous && name == "":
		case name == "":
			members[f.Name] = f.Type
		default:
			members[name] = f.Type
		}
	}
	return members
}

// decoded returns the type that the decoder fills for t: what pointers lead to,
// or nil for a type that decodes itself.
func decoded(t reflect.Type) reflect.Type {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil || t.Kind() == reflect.Interface {
		return nil
	}
	p := reflect.PointerTo(t)
	if p.Implements(reflect.TypeFor[json.Unmarshaler]()) || p.Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return nil
	}
	return t
}

// within puts the name of what holds the offending field before it.
func (e *Error) within(name string) *Error {
	switch {
	case e.Field == "":
		e.Field = name
	case strings.HasPrefix(e.Field, "["):
		e.Field = name + e.Field
	default:
		e.Field = name + "." + e.Field
	}
	return e
}
