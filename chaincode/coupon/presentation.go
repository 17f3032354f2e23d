// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"math"
	"strings"
)

const labelPresent = "ecoupon/v1/present"

// The form of a presentation, version 1: version, length and bytes of the
// coupon, presented-at, nonce, retailer and invoice each with its length, then
// the signature.
const (
	presentationVersion = 1
	presentationPrefix  = "ep1."

	maxPresentationSize = 1 + 2 + maxCouponSize + 8 + 16 + 2 + MaxIDLength + 2 + MaxIDLength + ed25519.SignatureSize
)

// Presentation is a bound coupon with its owner's signature for one use: at one
// time and, as far as they are named, at one retailer and for one invoice.
type Presentation struct {
	Coupon      Coupon
	PresentedAt int64 // Unix milliseconds
	Nonce       Nonce
	Retailer    string // MSP id, or empty
	Invoice     string // invoice number, or empty
	Signature   Signature
}

// Sign signs the presentation with the key of the coupon's present owner. It is
// refused for a static bearer coupon (INVALID_REQUEST), and then leaves the
// signature as it was.
func (p *Presentation) Sign(owner ed25519.PrivateKey) error {
	if !p.Coupon.Presentable() {
		return Refuse(ReasonInvalidRequest, "coupon", "a bearer coupon has no owner to sign for it")
	}
	copy(p.Signature[:], ed25519.Sign(owner, p.signed()))
	return nil
}

// VerifySignature refuses with WRONG_SIGNATURE what the owner did not sign, and
// with BAD_OWNER_KEY a key that CheckOwner refuses. The owner is the one in the
// coupon, unless it was transferred.
func (p Presentation) VerifySignature(owner PublicKey) error {
	return verify(owner, p.signed(), p.Signature)
}

func (p Presentation) signed() []byte {
	var buf [maxCouponSize]byte
	return newEnc(labelPresent).bytes(p.Coupon.appendTo(buf[:0])).
		int(p.PresentedAt).bytes(p.Nonce[:]).text(p.Retailer).text(p.Invoice)
}

// Bytes returns the presentation's one binary form.
func (p Presentation) Bytes() []byte {
	b := make([]byte, 0, maxPresentationSize)
	b = append(b, presentationVersion)
	b = binary.BigEndian.AppendUint16(b, uint16(sizeOf(p.Coupon.code())))
	b = p.Coupon.appendTo(b)
	b = binary.BigEndian.AppendUint64(b, uint64(p.PresentedAt))
	b = append(b, p.Nonce[:]...)
	for _, s := range []string{p.Retailer, p.Invoice} {
		b = binary.BigEndian.AppendUint16(b, uint16(len(s)))
		b = append(b, s...)
	}
	return append(b, p.Signature[:]...)
}

// Text returns the presentation's one text form.
func (p Presentation) Text() string {
	return presentationPrefix + base64.RawURLEncoding.EncodeToString(p.Bytes())
}

// ParsePresentation reads a presentation's text form and accepts no other text
// for the same presentation. What is wrong first decides the reason, in this
// order:
//
//  1. prefix and base64url, or longer than any presentation: MALFORMED_PRESENTATION;
//  2. version: UNSUPPORTED_VERSION;
//  3. cut off before the last byte, or with bytes after it: MALFORMED_PRESENTATION;
//  4. the coupon, with the reasons of ParseCouponBytes;
//  5. a bearer coupon, a time below 0, a retailer or invoice that is neither
//     empty nor an id: MALFORMED_PRESENTATION.
//
// The signature is not verified; VerifySignature does that.
func ParsePresentation(text string) (Presentation, error) {
	var buf [maxPresentationSize]byte
	raw, ok := decodeText(buf[:], presentationPrefix, text)
	if !ok {
		return Presentation{}, malformed("a presentation is %q and unpadded base64url", presentationPrefix)
	}
	if len(raw) == 0 {
		return Presentation{}, malformed("the presentation is empty")
	}
	if raw[0] != presentationVersion {
		return Presentation{}, Refuse(ReasonUnsupportedVersion, "", "presentations of version %d are not known", raw[0])
	}
	return parsePresentationBody(raw[1:])
}

func parsePresentationBody(body []byte) (Presentation, error) {
	r := reader{rest: body}
	coupon := r.take(r.uint16())
	presentedAt := r.uint64()
	nonce := r.take(16)
	retailer := r.take(r.uint16())
	invoice := r.take(r.uint16())
	signature := r.take(ed25519.SignatureSize)
	if r.short || len(r.rest) != 0 {
		return Presentation{}, malformed("the presentation's lengths do not add up")
	}
	c, err := ParseCouponBytes(coupon)
	if err != nil {
		return Presentation{}, err
	}
	p := Presentation{
		Coupon:      c,
		PresentedAt: int64(presentedAt),
		Nonce:       Nonce(nonce),
		Retailer:    string(retailer),
		Invoice:     string(invoice),
		Signature:   Signature(signature),
	}
	if err := p.checkFields(presentedAt); err != nil {
		return Presentation{}, err
	}
	return p, nil
}

func (p Presentation) checkFields(presentedAt uint64) error {
	if !p.Coupon.Presentable() {
		return malformed("a bearer coupon is not presented")
	}
	if presentedAt > math.MaxInt64 {
		return malformed("the time of presentation is out of range")
	}
	if p.Retailer != "" && CheckID("retailer", p.Retailer) != nil {
		return malformed("the retailer is not an MSP id")
	}
	if p.Invoice != "" && CheckID("invoice", p.Invoice) != nil {
		return malformed("the invoice is not an invoice number")
	}
	return nil
}

func malformed(format string, a ...any) error {
	return Refuse(ReasonMalformedPresentation, "", format, a...)
}

// Tender is what a customer hands in at the till: a coupon, or a presentation
// of one.
type Tender struct {
	Coupon       Coupon
	Presentation *Presentation // nil for a coupon on its own
}

// ParseTender reads either text form: a presentation if it begins with "ep1.",
// or else a coupon, with the reasons of ParsePresentation or ParseCoupon.
func ParseTender(text string) (Tender, error) {
	if !strings.HasPrefix(text, presentationPrefix) {
		c, err := ParseCoupon(text)
		return Tender{Coupon: c}, err
	}
	p, err := ParsePresentation(text)
	if err != nil {
		return Tender{}, err
	}
	return Tender{Coupon: p.Coupon, Presentation: &p}, nil
}

// reader cuts a message into fields; once something is missing everything it
// returns is zero or nil, and short says so.
type reader struct {
	rest  []byte
	short bool
}

func (r *reader) take(n int) []byte {
	if len(r.rest) < n {
		r.rest, r.short = nil, true
		return nil
	}
	field := r.rest[:n]
	r.rest = r.rest[n:]
	return field
}

func (r *reader) uint16() int {
	b := r.take(2)
	if r.short {
		return 0
	}
	return int(binary.BigEndian.Uint16(b))
}

func (r *reader) uint32() uint32 {
	b := r.take(4)
	if r.short {
		return 0
	}
	return binary.BigEndian.Uint32(b)
}

func (r *reader) uint64() uint64 {
	b := r.take(8)
	if r.short {
		return 0
	}
	return binary.BigEndian.Uint64(b)
}
