// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

import (
	"bytes"
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
	w := walker{data: data}
	if err := w.value(reflect.TypeOf(v), 0); err != nil {
		return err
	}
	return decodeError(json.Unmarshal(data, v))
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

// walker goes through JSON that is known to be valid, beside the shape of the
// Go type that it is for. The standard decoder takes keys in any case and the
// last of equal ones; here they are compared exactly.
type walker struct {
	data   []byte
	pos    int
	values int
}

// value goes past one value. The type is nil where it does not matter.
func (w *walker) value(t reflect.Type, depth int) *Error {
	if depth > MaxDepth {
		return Refuse(ReasonInvalidRequest, "", "the JSON is nested too deeply")
	}
	if w.values++; w.values > MaxValues {
		return Refuse(ReasonInvalidRequest, "", "the JSON has more than %d values", MaxValues)
	}
	switch w.next() {
	case '{':
		return w.object(shapeOf(t), depth)
	case '[':
		return w.array(shapeOf(t), depth)
	case '"':
		return w.text()
	case 'n':
		return Refuse(ReasonInvalidRequest, "", "null is no value here")
	default:
		for w.pos < len(w.data) && bytes.IndexByte([]byte(",]} \t\r\n"), w.data[w.pos]) < 0 {
			w.pos++
		}
		return nil
	}
}

func (w *walker) object(s *shape, depth int) *Error {
	if s.members == nil {
		return w.table(s, depth)
	}
	seen := make([]bool, s.fields)
	for w.open('}') {
		key, err := w.key()
		if err != nil {
			return err
		}
		m, known := s.members[string(key)]
		if !known {
			return Refuse(ReasonInvalidRequest, "", "the key %.64q is unknown", key)
		}
		if seen[m.number] {
			return Refuse(ReasonInvalidRequest, "", "the key %.64q is there twice", key)
		}
		seen[m.number] = true
		if err := w.value(m.of, depth+1); err != nil {
			return err.within(string(key))
		}
	}
	return nil
}

// table goes past an object that may have any keys.
func (w *walker) table(s *shape, depth int) *Error {
	seen := make(map[string]bool)
	for w.open('}') {
		key, err := w.key()
		if err != nil {
			return err
		}
		folded := strings.ToLower(string(key))
		if seen[folded] {
			return Refuse(ReasonInvalidRequest, "", "the key %.64q is there twice", key)
		}
		seen[folded] = true
		if err := w.value(s.element, depth+1); err != nil {
			return err.within(string(key))
		}
	}
	return nil
}

func (w *walker) array(s *shape, depth int) *Error {
	for i := 0; w.open(']'); i++ {
		if i == MaxElements {
			return Refuse(ReasonInvalidRequest, "", "a list has at most %d elements", MaxElements)
		}
		if err := w.value(s.element, depth+1); err != nil {
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
func (w *walker) key() ([]byte, *Error) {
	start := w.pos
	if err := w.text(); err != nil {
		return nil, err
	}
	literal := w.data[start:w.pos]
	w.next()
	w.pos++
	if bytes.IndexByte(literal, '\\') < 0 {
		return literal[1 : len(literal)-1], nil
	}
	var key string
	if err := json.Unmarshal(literal, &key); err != nil {
		return nil, Refuse(ReasonInvalidRequest, "", "a key is not a text")
	}
	return []byte(key), nil
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
