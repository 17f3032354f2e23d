// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package wallet

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"ecoupon/chaincode/coupon"
)

const (
	// fileFormat is the version of the file.
	fileFormat = 1
	// maxFile bounds the file: maxCoupons with the longest terms documents.
	maxFile = maxCoupons * (coupon.MaxTermsBytes + 4096)
	// privateMode is what others may do with the file: nothing.
	privateMode = 0o600
)

// ErrDamaged is in the chain of every error about a wallet file that cannot be
// understood. Such a file is left as it is.
var ErrDamaged = errors.New("the wallet file is damaged")

// contents is the file.
type contents struct {
	Format  int     `json:"format"`
	Coupons []entry `json:"coupons"`
	// Keys are those that coupons of others are awaited for.
	Keys []offeredKey `json:"keys,omitempty"`
}

// entry is a coupon with its key.
type entry struct {
	ID         string `json:"id"`
	Advertiser string `json:"advertiser"`
	AskedAt    int64  `json:"asked_at"`
	Offer      Offer  `json:"offer"`
	// Seed is the owner's Ed25519 seed; absent for bearer coupons.
	Seed *coupon.Key `json:"private_key,omitempty"`
	// UData is what was chosen at random for a dynamic bearer coupon; absent for
	// all others.
	UData   *coupon.PublicKey `json:"u_data,omitempty"`
	Coupon  string            `json:"coupon,omitempty"`
	Receipt *Receipt          `json:"receipt,omitempty"`
	Uses    []Use             `json:"uses,omitempty"`
	// Transfers are those that the ledger has, Outgoing what was signed and sent.
	Transfers []string `json:"transfers,omitempty"`
	Outgoing  string   `json:"outgoing,omitempty"`
}

func (e *entry) holding() Holding {
	h := Holding{
		ID: e.ID, State: Held, Advertiser: e.Advertiser, AskedAt: e.AskedAt,
		Offer: e.Offer, Coupon: e.Coupon, Receipt: e.Receipt, NeedsReceipt: e.Offer.needsReceipt(), Uses: e.Uses,
		Transfers: e.Transfers, Leaving: e.Outgoing,
	}
	_, chain, _ := e.history() // what cannot be read is not in a file
	switch {
	case e.Coupon == "" && e.expected():
		h.State = Expected
	case e.Coupon == "":
		h.State = Asked
	case e.given(chain):
		h.State = Transferred
		h.Handover, _ = handover{Format: fileFormat, Offer: e.Offer, Transfers: e.Transfers}.text()
	case len(e.Uses) > 0:
		h.State = Presented
	}
	return h
}

// private returns the owner's key, nil for a bearer coupon.
func (e *entry) private() ed25519.PrivateKey {
	if e.Seed == nil {
		return nil
	}
	return ed25519.NewKeyFromSeed(e.Seed[:])
}

// owner returns the public key, nil for a bearer coupon.
func (e *entry) owner() []byte {
	private := e.private()
	if private == nil {
		return nil
	}
	return private[ed25519.SeedSize:]
}

// uData is what the customer chose for the coupon, nil for a bound one.
func (e *entry) uData() []byte {
	if e.UData == nil {
		return nil
	}
	return e.UData[:]
}

func (c *contents) find(id string) (*entry, error) {
	for i := range c.Coupons {
		if c.Coupons[i].ID == id {
			return &c.Coupons[i], nil
		}
	}
	return nil, notHere()
}

// check finds what a program never writes.
func (c *contents) check() error {
	if c.Format != fileFormat {
		return fmt.Errorf("format %d is not known, only %d", c.Format, fileFormat)
	}
	if len(c.Keys) > maxCoupons {
		return fmt.Errorf("%d keys await coupons, more than %d", len(c.Keys), maxCoupons)
	}
	seen := make(map[string]bool)
	for i := range c.Coupons {
		e := &c.Coupons[i]
		if err := e.check(); err != nil {
			return fmt.Errorf("coupons[%d]: %w", i, err)
		}
		if seen[e.ID] {
			return fmt.Errorf("coupons[%d]: the id is there twice", i)
		}
		seen[e.ID] = true
	}
	return nil
}

func (e *entry) check() error {
	if err := coupon.CheckUUID4("id", e.ID); err != nil {
		return err
	}
	if err := e.Offer.Check(); err != nil {
		return err
	}
	if (e.Offer.Holder == coupon.HolderBound) != (e.Seed != nil) {
		return errors.New("a key is there for a bearer coupon, or missing for a bound one")
	}
	if e.Offer.choosesUData() != (e.UData != nil) {
		return errors.New("u_data is there for a coupon that has none, or missing for a dynamic bearer coupon")
	}
	if e.Coupon == "" && e.Receipt == nil && len(e.Transfers) == 0 && e.Outgoing == "" {
		return nil
	}
	c, err := e.accept(e.Coupon)
	if err != nil {
		return err
	}
	if e.Seed == nil && (len(e.Transfers) > 0 || e.Outgoing != "") {
		return errors.New("a bearer coupon is not transferred")
	}
	if err := e.checkOutgoing(c); err != nil || e.Receipt == nil {
		return err
	}
	return e.Receipt.check(c)
}

// checkOutgoing refuses a transfer of something else, or by somebody else.
func (e *entry) checkOutgoing(c coupon.Coupon) error {
	if e.Outgoing == "" {
		return nil
	}
	chain, err := history(c, append(slices.Clone(e.Transfers), e.Outgoing))
	if err == nil && e.given(chain[:len(chain)-1]) {
		err = errors.New("a coupon that is not here cannot be on its way")
	}
	return err
}

// store reads and replaces the file. What is read is some state between two
// changes, as a file is only ever replaced.
type store struct {
	path string
}

func (s store) read() (contents, error) {
	file, err := os.Open(s.path)
	if errors.Is(err, os.ErrNotExist) {
		return contents{Format: fileFormat, Coupons: []entry{}}, nil
	}
	if err != nil {
		return contents{}, err
	}
	defer func() { _ = file.Close() }()
	if err := checkMode(file); err != nil {
		return contents{}, err
	}
	data, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return contents{}, fmt.Errorf("reading %s: %w", s.path, err)
	}
	read := contents{Coupons: []entry{}} // absent is none, which is written as such
	if len(data) > maxFile {
		return contents{}, fmt.Errorf("%s: %w: it is larger than %d bytes", s.path, ErrDamaged, maxFile)
	}
	if err := coupon.DecodeStrict(data, &read); err != nil {
		return contents{}, fmt.Errorf("%s: %w: %s", s.path, ErrDamaged, err.Error())
	}
	if err := read.check(); err != nil {
		return contents{}, fmt.Errorf("%s: %w: %s", s.path, ErrDamaged, err.Error())
	}
	return read, nil
}

func checkMode(file *os.File) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if info.Mode().Perm()&^privateMode != 0 {
		return fmt.Errorf("%s holds keys and can be read by others: chmod 600 it", file.Name())
	}
	return nil
}

// update changes the file under the lock: nobody else's change is lost, and
// after it returns nil the change survives a crash. If change fails nothing is
// written.
func (s store) update(change func(*contents) error) error {
	unlock, err := lock(s.path + ".lock")
	if err != nil {
		return err
	}
	defer unlock()
	current, err := s.read()
	if err != nil {
		return err
	}
	if err := change(&current); err != nil {
		return err
	}
	data, err := json.MarshalIndent(current, "", " ")
	if err != nil {
		return err
	}
	return replace(s.path, append(data, '\n'))
}

// replace puts data in the file's place, durably: at every moment the path is
// the old file or the new one, whole.
func replace(path string, data []byte) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temporary.Name()) }()
	_, err = temporary.Write(data)
	err = errors.Join(err, temporary.Sync(), temporary.Close())
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	if err := os.Rename(temporary.Name(), path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
