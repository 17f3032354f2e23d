// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

import (
	"encoding"
	"encoding/json"
	"reflect"
	"strings"
	"sync"
)

// shape is what DecodeStrict must know of a Go type: the keys of a struct, or
// the type of the elements of a list or map. A shape of neither fits anything.
type shape struct {
	members map[string]member // nil unless it is a struct
	fields  int               // more than any member's number
	element reflect.Type      // nil if it does not matter
}

// member is a struct's field and its number.
type member struct {
	number int
	of     reflect.Type
}

// anything is the shape of what decodes itself, and of what has no type.
var anything = &shape{}

// shapes are those of all types that were decoded so far.
var shapes sync.Map // of reflect.Type to *shape

func shapeOf(t reflect.Type) *shape {
	if t == nil {
		return anything
	}
	if known, found := shapes.Load(t); found {
		return known.(*shape) //nolint:forcetypeassert // nothing else is stored
	}
	s := makeShape(decoded(t))
	shapes.Store(t, s)
	return s
}

func makeShape(t reflect.Type) *shape {
	switch {
	case t == nil:
		return anything
	case t.Kind() == reflect.Struct:
		return &shape{members: membersOf(t), fields: len(reflect.VisibleFields(t))}
	case t.Kind() == reflect.Slice || t.Kind() == reflect.Array || t.Kind() == reflect.Map:
		return &shape{element: t.Elem()}
	default:
		return anything
	}
}

func membersOf(t reflect.Type) map[string]member {
	members := make(map[string]member)
	for i, f := range reflect.VisibleFields(t) {
		tag := f.Tag.Get("json")
		name, _, _ := strings.Cut(tag, ",")
		if tag == "-" || !f.IsExported() || f.Anonymous && name == "" {
			continue
		}
		if name == "" {
			name = f.Name
		}
		members[name] = member{number: i, of: f.Type}
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
