// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

import (
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"log/slog"
	"unicode"
	"unicode/utf8"
)

// Limits of what people and machines name things by.
const (
	// MaxIDLength bounds MSP ids, campaign ids, product ids, invoice numbers,
	// institutes and request ids: room for what payment systems hand out, and a
	// coupon with its presentation stays well under a kilobyte.
	MaxIDLength = 64
	// MaxNameLength bounds product and offer names, in bytes: a line on a page.
	MaxNameLength = 200
)

// Format characters that names may have: see CheckName.
const (
	zeroWidthNonJoiner = '\u200c'
	zeroWidthJoiner    = '\u200d'
)

type (
	// Key is a secret of 32 bytes. Printing or logging it prints "(secret)";
	// only its JSON form, in which keys travel as transient data, is the key.
	Key [32]byte
	// Hash is a SHA-256.
	Hash [32]byte
	// MAC authenticates a mandate or a coupon; compare it with Equal.
	MAC [16]byte
	// Tag is a keyed name for something that must not be public: a spent coupon
	// or an invoice.
	Tag [16]byte
	// FrameworkID names a mandate: the first half of the SHA-256 of its m_data.
	FrameworkID [16]byte
	// RedemptionID names a redemption; see NewRedemptionID.
	RedemptionID [16]byte
	// BatchID names a batch; see NewBatchID.
	BatchID [16]byte
	// PublicKey is a wallet's Ed25519 key for one coupon; see CheckOwner.
	PublicKey [32]byte
	// Nonce makes each presentation a value of its own.
	Nonce [16]byte
	// Signature is an Ed25519 signature.
	Signature [64]byte
)

// Equal compares in a time that tells nothing about where MACs differ.
func (m MAC) Equal(other MAC) bool {
	return subtle.ConstantTimeCompare(m[:], other[:]) == 1
}

const secret = "(secret)"

// String never shows the key.
func (Key) String() string { return secret }

// Format never shows the key, whatever the verb.
func (Key) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(secret)) }

// LogValue never shows the key.
func (Key) LogValue() slog.Value { return slog.StringValue(secret) }

// String returns lower-case hexadecimal.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// String returns lower-case hexadecimal.
func (m MAC) String() string { return hex.EncodeToString(m[:]) }

// String returns lower-case hexadecimal.
func (t Tag) String() string { return hex.EncodeToString(t[:]) }

// String returns lower-case hexadecimal.
func (id FrameworkID) String() string { return hex.EncodeToString(id[:]) }

// String returns lower-case hexadecimal.
func (id RedemptionID) String() string { return hex.EncodeToString(id[:]) }

// String returns lower-case hexadecimal.
func (id BatchID) String() string { return hex.EncodeToString(id[:]) }

// String returns lower-case hexadecimal.
func (k PublicKey) String() string { return hex.EncodeToString(k[:]) }

// String returns lower-case hexadecimal.
func (n Nonce) String() string { return hex.EncodeToString(n[:]) }

// String returns lower-case hexadecimal.
func (s Signature) String() string { return hex.EncodeToString(s[:]) }

// MarshalText returns the key itself in lower-case hexadecimal.
func (k Key) MarshalText() ([]byte, error) { return hexText(k[:]) }

// MarshalText returns lower-case hexadecimal.
func (h Hash) MarshalText() ([]byte, error) { return hexText(h[:]) }

// MarshalText returns lower-case hexadecimal.
func (m MAC) MarshalText() ([]byte, error) { return hexText(m[:]) }

// MarshalText returns lower-case hexadecimal.
func (t Tag) MarshalText() ([]byte, error) { return hexText(t[:]) }

// MarshalText returns lower-case hexadecimal.
func (id FrameworkID) MarshalText() ([]byte, error) { return hexText(id[:]) }

// MarshalText returns lower-case hexadecimal.
func (id RedemptionID) MarshalText() ([]byte, error) { return hexText(id[:]) }

// MarshalText returns lower-case hexadecimal.
func (id BatchID) MarshalText() ([]byte, error) { return hexText(id[:]) }

// MarshalText returns lower-case hexadecimal.
func (k PublicKey) MarshalText() ([]byte, error) { return hexText(k[:]) }

// MarshalText returns lower-case hexadecimal.
func (n Nonce) MarshalText() ([]byte, error) { return hexText(n[:]) }

// UnmarshalText accepts exactly 64 lower-case hexadecimal digits.
func (k *Key) UnmarshalText(text []byte) error { return parseHex(k[:], text, "a key") }

// UnmarshalText accepts exactly 64 lower-case hexadecimal digits.
func (h *Hash) UnmarshalText(text []byte) error { return parseHex(h[:], text, "a hash") }

// UnmarshalText accepts exactly 32 lower-case hexadecimal digits.
func (m *MAC) UnmarshalText(text []byte) error { return parseHex(m[:], text, "a MAC") }

// UnmarshalText accepts exactly 32 lower-case hexadecimal digits.
func (t *Tag) UnmarshalText(text []byte) error { return parseHex(t[:], text, "a tag") }

// UnmarshalText accepts exactly 32 lower-case hexadecimal digits.
func (id *FrameworkID) UnmarshalText(text []byte) error {
	return parseHex(id[:], text, "a framework id")
}

// UnmarshalText accepts exactly 32 lower-case hexadecimal digits.
func (id *RedemptionID) UnmarshalText(text []byte) error {
	return parseHex(id[:], text, "a redemption id")
}

// UnmarshalText accepts exactly 32 lower-case hexadecimal digits.
func (id *BatchID) UnmarshalText(text []byte) error { return parseHex(id[:], text, "a batch id") }

// UnmarshalText accepts exactly 64 lower-case hexadecimal digits. It does not
// look at the key; CheckOwner does.
func (k *PublicKey) UnmarshalText(text []byte) error { return parseHex(k[:], text, "a public key") }

// UnmarshalText accepts exactly 32 lower-case hexadecimal digits.
func (n *Nonce) UnmarshalText(text []byte) error { return parseHex(n[:], text, "a nonce") }

// MarshalText returns lower-case hexadecimal.
func (s Signature) MarshalText() ([]byte, error) { return hexText(s[:]) }

// UnmarshalText accepts exactly 128 lower-case hexadecimal digits.
func (s *Signature) UnmarshalText(text []byte) error { return parseHex(s[:], text, "a signature") }

func hexText(b []byte) ([]byte, error) {
	return hex.AppendEncode(nil, b), nil
}

// parseHex leaves dst alone unless text is right.
func parseHex(dst, text []byte, what string) error {
	if len(text) != hex.EncodedLen(len(dst)) {
		return notHex(dst, what)
	}
	for _, c := range text {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return notHex(dst, what)
		}
	}
	_, err := hex.Decode(dst, text)
	return err
}

func notHex(dst []byte, what string) error {
	return Refuse(ReasonInvalidRequest, "", "%s is %d lower-case hexadecimal digits", what, hex.EncodedLen(len(dst)))
}

// CheckID refuses what is not 1 to 64 printable ASCII characters, the space
// included. Ids are compared byte for byte and never normalised.
func CheckID(field, s string) error {
	if s == "" || len(s) > MaxIDLength {
		return Refuse(ReasonInvalidRequest, field, "an id has 1 to %d characters", MaxIDLength)
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return Refuse(ReasonInvalidRequest, field, "an id has printable ASCII characters only")
		}
	}
	return nil
}

// CheckName refuses what is not 1 to 200 bytes of valid UTF-8 without control and
// format characters: those that turn the direction of what follows would let a
// name show as another. Two format characters are allowed, without which some
// scripts and emoji cannot be written: the joiner and the non-joiner of zero
// width.
func CheckName(field, s string) error {
	if s == "" || len(s) > MaxNameLength {
		return Refuse(ReasonInvalidRequest, field, "a name has 1 to %d bytes", MaxNameLength)
	}
	if !utf8.ValidString(s) {
		return Refuse(ReasonInvalidRequest, field, "a name is UTF-8")
	}
	for _, r := range s {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) && r != zeroWidthJoiner && r != zeroWidthNonJoiner {
			return Refuse(ReasonInvalidRequest, field, "a name has no control or format characters")
		}
	}
	return nil
}

// CheckUUID4 refuses what is not a random (version 4) UUID in its lower-case
// form. Request ids must be such because their hash is public: an id that could
// be guessed would name its redemption to everybody.
func CheckUUID4(field, s string) error {
	if !isUUID4(s) {
		return Refuse(ReasonInvalidRequest, field, "a request id is a random UUID (version 4) in lower case")
	}
	return nil
}

func isUUID4(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		case 14:
			if c != '4' {
				return false
			}
		case 19:
			if c != '8' && c != '9' && c != 'a' && c != 'b' {
				return false
			}
		default:
			if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
				return false
			}
		}
	}
	return true
}
