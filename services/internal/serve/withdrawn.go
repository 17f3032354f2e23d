// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package serve

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"

	"ecoupon/services/internal/config"
)

// lookEvery is how long a withdrawn certificate may go unnoticed.
const lookEvery = time.Second

// Withdrawn are certificates of an organisation's tills that it believes no
// longer, from a list that its authority for tills has signed. The file is read
// again when it has changed. It is safe for concurrent use.
type Withdrawn struct {
	file      string
	authority *x509.Certificate
	logger    *slog.Logger

	mu      sync.Mutex
	looked  time.Time
	seen    fs.FileInfo
	serials map[string]bool
}

// LoadWithdrawn reads the list, a CRL in PEM. Its error says that it is missing
// or that the organisation's authority has not signed it.
func LoadWithdrawn(file string, organisation config.Organisation, logger *slog.Logger) (*Withdrawn, error) {
	authority, err := config.ParseCertificate([]byte(organisation.TillsCA))
	if err != nil {
		return nil, fmt.Errorf("authority of %s: %w", organisation.MSPID, err)
	}
	w := &Withdrawn{file: file, authority: authority, logger: logger}
	if err := w.read(); err != nil {
		return nil, err
	}
	w.looked = time.Now()
	return w, nil
}

// Has reports whether the certificate of this serial number is withdrawn.
func (w *Withdrawn) Has(serial string) bool {
	if w == nil {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if now := time.Now(); now.Sub(w.looked) >= lookEvery {
		w.looked = now
		if err := w.read(); err != nil {
			w.logger.Error("the list of withdrawn certificates cannot be read: the last one goes on", "error", err)
		}
	}
	return w.serials[serial]
}

// read takes the list over unless it is what was read before.
func (w *Withdrawn) read() error {
	info, err := os.Stat(w.file)
	if err != nil {
		return err
	}
	if w.seen != nil && info.ModTime().Equal(w.seen.ModTime()) && os.SameFile(info, w.seen) {
		return nil
	}
	text, err := os.ReadFile(w.file)
	if err != nil {
		return err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return fmt.Errorf("%s: %w", w.file, errors.New("no list in PEM"))
	}
	list, err := x509.ParseRevocationList(block.Bytes)
	if err != nil {
		return fmt.Errorf("%s: %w", w.file, err)
	}
	if err := list.CheckSignatureFrom(w.authority); err != nil {
		return fmt.Errorf("%s: %w", w.file, err)
	}
	serials := make(map[string]bool, len(list.RevokedCertificateEntries))
	for _, entry := range list.RevokedCertificateEntries {
		serials[entry.SerialNumber.String()] = true
	}
	w.serials, w.seen = serials, info
	return nil
}
