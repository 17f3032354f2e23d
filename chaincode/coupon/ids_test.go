// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"
)

func TestIDsAreStrictHex(t *testing.T) {
	t.Parallel()
	for _, id := range []struct {
		value encoding.TextUnmarshaler
		size  int
	}{
		{new(Key), 32}, {new(Hash), 32}, {new(PublicKey), 32},
		{new(MAC), 16}, {new(Tag), 16}, {new(FrameworkID), 16}, {new(RedemptionID), 16}, {new(BatchID), 16}, {new(Nonce), 16},
	} {
		name := reflect.TypeOf(id.value).Elem().Name()
		good := strings.Repeat("0f", id.size)
		if err := id.value.UnmarshalText([]byte(good)); err != nil {
			t.Errorf("%s refuses %s: %v", name, good, err)
		}
		marshaler, ok := id.value.(encoding.TextMarshaler)
		if !ok {
			t.Fatalf("%s does not marshal", name)
		}
		if got, err := marshaler.MarshalText(); err != nil || string(got) != good {
			t.Errorf("%s marshals to %s, %v", name, got, err)
		}
		for _, bad := range []string{
			"", good[2:], good + "0f", good[1:], strings.ToUpper(good), "0x" + good[2:], " " + good[1:], good[1:] + "g", good[1:] + "\n",
		} {
			wantReason(t, fmt.Sprintf("%s %q", name, bad), id.value.UnmarshalText([]byte(bad)), ReasonInvalidRequest)
		}
		if got, _ := marshaler.MarshalText(); string(got) != good {
			t.Errorf("%s was changed by a refused text", name)
		}
		if s, ok := id.value.(fmt.Stringer); name != "Key" && (!ok || s.String() != good) {
			t.Errorf("%s prints as %v", name, id.value)
		}
	}
}

func TestKeysAreNeverPrinted(t *testing.T) {
	t.Parallel()
	key := Key{0xab, 0xcd, 0xef}
	nested := struct {
		Key  Key
		Keys []*Key
	}{key, []*Key{&key}}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o", "%b", "%c"} {
		fmt.Fprintf(&out, verb+" ", key)
		fmt.Fprintf(&out, verb+" ", &key)
		fmt.Fprintf(&out, verb+" ", nested)
	}
	fmt.Fprintln(&out, key, &key, key.String())
	// The time of the log line may have any digits.
	untimed := &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}
	slog.New(slog.NewTextHandler(&out, untimed)).Info("key", "key", key, "pointer", &key)
	slog.New(slog.NewJSONHandler(&out, untimed)).Info("key", "key", key, "pointer", &key)
	for _, trace := range []string{"abcd", "ABCD", "171", "253", "0xab", "10101011"} {
		if strings.Contains(out.String(), trace) {
			t.Errorf("the key is printed: %s", out.String())
		}
	}
	doc, err := json.Marshal(key)
	if err != nil || !strings.HasPrefix(string(doc), `"abcdef00`) {
		t.Errorf("a key travels as %s, %v", doc, err)
	}
}

func TestCheckID(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"a", " ", "~", "IssuerMSP", "summer 2030/1", strings.Repeat("x", 64)} {
		wantReason(t, good, CheckID("id", good), "")
	}
	for _, bad := range []string{"", strings.Repeat("x", 65), "a\n", "\x00", "\x1f", "\x7f", "é", "a\xff"} {
		wantReason(t, fmt.Sprintf("%q", bad), CheckID("id", bad), ReasonInvalidRequest)
	}
}

func TestCheckName(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"a", "Thé vert – 20 %", strings.Repeat("é", 100), "茶", "نمی\u200cخواهم", "क्\u200dष", "👩\u200d🌾 farm"} {
		wantReason(t, good, CheckName("name", good), "")
	}
	for _, bad := range []string{
		"", strings.Repeat("é", 100) + "x", "a\nb", "a\x00", "a\u0085", "\xff", "a\xc3",
		"tea \u202eruoy si", "\u2066tea\u2069", "a\u200eb", "a\u061cb", "a\u200bb", "a\u00adb", "\ufefftea", "a\U000e0041b",
	} {
		wantReason(t, fmt.Sprintf("%q", bad), CheckName("name", bad), ReasonInvalidRequest)
	}
}

func TestCheckUUID4(t *testing.T) {
	t.Parallel()
	for _, good := range []string{
		"6ba7b810-9dad-41d1-80b4-00c04fd430c8", "00000000-0000-4000-8000-000000000000", "ffffffff-ffff-4fff-bfff-ffffffffffff",
		"6ba7b810-9dad-41d1-90b4-00c04fd430c8", "6ba7b810-9dad-41d1-a0b4-00c04fd430c8",
	} {
		wantReason(t, good, CheckUUID4("request_id", good), "")
	}
	for _, bad := range []string{
		"", "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "6ba7b810-9dad-71d1-80b4-00c04fd430c8",
		"6ba7b810-9dad-41d1-70b4-00c04fd430c8", "6ba7b810-9dad-41d1-c0b4-00c04fd430c8",
		"6BA7B810-9DAD-41D1-80B4-00C04FD430C8", "{6ba7b810-9dad-41d1-80b4-00c04fd430c8}",
		"6ba7b8109dad41d180b400c04fd430c8", "6ba7b810-9dad-41d1-80b4-00c04fd430c", "6ba7b810-9dad-41d1-80b4-00c04fd430c8 ",
		"6ba7b810-9dad-41d1-80b4-00c04fd430cg", "6ba7b8109-dad-41d1-80b4-00c04fd430c8", "00000000-0000-0000-0000-000000000000",
	} {
		wantReason(t, bad, CheckUUID4("request_id", bad), ReasonInvalidRequest)
	}
}
