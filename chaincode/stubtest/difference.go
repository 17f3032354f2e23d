// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package stubtest

import (
	"bytes"
	"fmt"

	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset/kvrwset"
	"google.golang.org/protobuf/proto"
)

// differs says where two outcomes of one proposal part, for a developer to
// look there. Private values are not shown.
func (o *outcome) differs(other *outcome) string {
	switch {
	case !proto.Equal(o.response, other.response):
		return fmt.Sprintf("responses {%v} and {%v}", o.response, other.response)
	case !proto.Equal(o.event, other.event):
		return fmt.Sprintf("events {%v} and {%v}", o.event, other.event)
	}
	if text := firstDifference("read", o.set.public.Reads, other.set.public.Reads); text != "" {
		return text
	}
	if text := firstDifference("range", o.set.public.RangeQueriesInfo, other.set.public.RangeQueriesInfo); text != "" {
		return text
	}
	if text := firstDifference("write", o.set.public.Writes, other.set.public.Writes); text != "" {
		return text
	}
	if len(o.set.collections) != len(other.set.collections) {
		return fmt.Sprintf("collections: %d and %d", len(o.set.collections), len(other.set.collections))
	}
	for i := range o.set.collections {
		if text := o.differsIn(i, other); text != "" {
			return text
		}
	}
	return "encodings alone"
}

// differsIn compares what two outcomes did to their i-th collection.
func (o *outcome) differsIn(i int, other *outcome) string {
	a, b := o.set.collections[i], other.set.collections[i]
	if a.name != b.name {
		return fmt.Sprintf("collections %s and %s", a.name, b.name)
	}
	if text := firstDifference("read in "+a.name, a.hashed.HashedReads, b.hashed.HashedReads); text != "" {
		return text
	}
	x, y := o.private.of(a).GetWrites(), other.private.of(b).GetWrites()
	for i := range max(len(x), len(y)) {
		switch {
		case i >= len(x) || i >= len(y) || x[i].Key != y[i].Key:
			return fmt.Sprintf("write %d in %s: key %q and %q", i, a.name, keyAt(x, i), keyAt(y, i))
		case !bytes.Equal(x[i].Value, y[i].Value):
			return fmt.Sprintf("write in %s: value of key %q", a.name, x[i].Key)
		}
	}
	return firstDifference("write in "+a.name, a.hashed.HashedWrites, b.hashed.HashedWrites)
}

func firstDifference[M proto.Message](what string, a, b []M) string {
	for i := range max(len(a), len(b)) {
		switch {
		case i >= len(a):
			return fmt.Sprintf("%s %d: none and {%v}", what, i, b[i])
		case i >= len(b):
			return fmt.Sprintf("%s %d: {%v} and none", what, i, a[i])
		case !proto.Equal(a[i], b[i]):
			return fmt.Sprintf("%s %d: {%v} and {%v}", what, i, a[i], b[i])
		}
	}
	return ""
}

func keyAt(writes []*kvrwset.KVWrite, i int) string {
	if i >= len(writes) {
		return "none"
	}
	return writes[i].Key
}
