// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/boombuler/barcode/qr"

	"ecoupon/chaincode/coupon"
)

// What a coupon takes in the paper, in bytes.
const (
	paperStatic  = 420
	paperDynamic = 450
)

// specimen is a coupon of one form with all that makes and checks it.
type specimen struct {
	name string
	coupon.Coupon
	// paper is the size of such a coupon in the paper.
	paper   int
	key     coupon.Key
	mData   []byte
	mandate coupon.MAC
	beacon  coupon.Hash
}

// specimens returns a coupon of each form.
func specimens() ([]specimen, error) {
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	var all []specimen
	for _, form := range []specimen{
		{name: "static bearer", paper: paperStatic, Coupon: coupon.Coupon{Kind: coupon.KindStatic}},
		{name: "static bound", paper: paperStatic, Coupon: coupon.Coupon{Kind: coupon.KindStatic, Bound: true, Owner: coupon.PublicKey(public)}},
		{name: "dynamic", paper: paperDynamic, Coupon: coupon.Coupon{Kind: coupon.KindDynamic, Owner: coupon.PublicKey(public), Release: coupon.Release{Frame: 1, Time: 1}}},
		{name: "purchase proof", paper: paperDynamic, Coupon: coupon.Coupon{Kind: coupon.KindProof, Owner: coupon.PublicKey(public), Release: coupon.Release{Frame: 1, Time: 1}}},
	} {
		mandate := coupon.Mandate{
			Issuer: "IssuerMSP", Emitter: "AdvertiserMSP", Product: "Product", Offer: "50 cents off", Campaign: "bench",
			Version: 1, Kind: form.Kind, Epoch: 1, TermsSHA256: sha256.Sum256([]byte(terms)),
		}
		if _, err := rand.Read(form.key[:]); err != nil {
			return nil, err
		}
		form.mData, form.mandate, form.SN = mandate.Data(), mandate.MAC(form.key), 1
		form.Framework, form.MandateMAC = mandate.ID(), form.mandate
		form.EmitterMAC = form.MAC(form.key, form.mData, form.beacon)
		all = append(all, form)
	}
	return all, nil
}

// sizes prints how large coupons are, and the QR codes of their text form at
// error correction level M, beside the same for a coupon of the paper's size.
func sizes(out io.Writer, all []specimen) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "coupon\tbytes\ttext\tQR version\tmodules\tpaper: bytes\tQR version\tmodules\t")
	for _, s := range all {
		own, err := qrVersion(s.Text())
		if err != nil {
			return err
		}
		paper, err := qrVersion(strings.Repeat("x", s.paper))
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t\n", s.name, len(s.Bytes()), len(s.Text()), own, modules(own), s.paper, paper, modules(paper))
	}
	return w.Flush()
}

// qrVersion returns the version of a text's QR code in byte mode, level M.
func qrVersion(text string) (int, error) {
	code, err := qr.Encode(text, qr.M, qr.Unicode)
	if err != nil {
		return 0, err
	}
	return (code.Bounds().Dx() - modules(0)) / 4, nil
}

// modules is the width of a QR code of a version.
func modules(version int) int { return 17 + 4*version }

// task is something whose time is measured.
type task struct {
	name string
	do   func() error
	took []float64 // nanoseconds each, one for each round
}

// Rounds of the measurement: every task is run for slice in each, one after the
// other, so that what disturbs one disturbs all.
const (
	measuredRounds = 25
	slice          = 10 * time.Millisecond
)

// costs prints what it takes to make and to check a coupon beside signatures
// over as many bytes, all from the same run.
func costs(out io.Writer, all []specimen) error {
	var tasks []*task
	for _, s := range all {
		tasks = append(tasks,
			&task{name: s.name + ": made, as text", do: func() error { s.EmitterMAC = s.MAC(s.key, s.mData, s.beacon); _ = s.Text(); return nil }},
			&task{name: s.name + ": both MACs checked", do: func() error { return s.CheckMACs(s.key, s.mData, s.mandate, s.beacon) }})
	}
	signatures, err := signatureTasks(all[len(all)-1].Bytes())
	if err != nil {
		return err
	}
	tasks = append(tasks, signatures...)
	for range measuredRounds {
		for _, t := range tasks {
			if err := t.round(); err != nil {
				return fmt.Errorf("%s: %w", t.name, err)
			}
		}
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	ed, p256 := signatures[0].median(), signatures[1].median()
	fmt.Fprintln(w, "median\tnanoseconds\tin one Ed25519 verification\tin one ECDSA P-256 verification\t")
	for _, t := range tasks {
		fmt.Fprintf(w, "%s\t%.0f\t%.1f\t%.1f\t\n", t.name, t.median(), ed/t.median(), p256/t.median())
	}
	return w.Flush()
}

// signatureTasks verify a signature over a message.
func signatureTasks(message []byte) ([]*task, error) {
	refused := errors.New("the signature is refused")
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	signed := ed25519.Sign(private, message)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(message)
	other, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
	if err != nil {
		return nil, err
	}
	return []*task{
		{name: "Ed25519 verified", do: func() error {
			if !ed25519.Verify(public, message, signed) {
				return refused
			}
			return nil
		}},
		{name: "ECDSA P-256 verified", do: func() error {
			digest := sha256.Sum256(message)
			if !ecdsa.VerifyASN1(&key.PublicKey, digest[:], other) {
				return refused
			}
			return nil
		}},
	}, nil
}

func (t *task) round() error {
	began, n := time.Now(), 0
	for time.Since(began) < slice {
		for range 10 {
			if err := t.do(); err != nil {
				return err
			}
		}
		n += 10
	}
	t.took = append(t.took, float64(time.Since(began).Nanoseconds())/float64(n))
	return nil
}

func (t *task) median() float64 {
	sorted := slices.Sorted(slices.Values(t.took))
	return sorted[len(sorted)/2]
}

// measureCoupons prints sizes and costs.
func measureCoupons(out io.Writer) error {
	all, err := specimens()
	if err != nil {
		return err
	}
	if err := sizes(out, all); err != nil {
		return err
	}
	fmt.Fprintln(out)
	return costs(out, all)
}
