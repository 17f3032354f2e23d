// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// state is the directory in which a network keeps everything, by absolute path.
type state string

func (s state) path(parts ...string) string {
	return filepath.Join(append([]string{string(s)}, parts...)...)
}

// description is the consortium as it was resolved at the first start.
func (s state) description() string          { return s.path("network.json") }
func (s state) genesis() string              { return s.path("genesis.block") }
func (s state) organisation(n string) string { return s.path("organisations", n) }
func (s state) recordFile(name string) string {
	return s.path("processes", name+".json")
}
func (s state) logFile(name string) string { return s.path("logs", name+".log") }

// load reads the description of an existing network; fs.ErrNotExist when
// there is none.
func (s state) load() (Consortium, error) {
	data, err := os.ReadFile(s.description())
	if err != nil {
		return Consortium{}, fmt.Errorf("reading the network: %w", err)
	}
	c, err := parse(data)
	if err != nil {
		return Consortium{}, fmt.Errorf("%s: %w", s.description(), err)
	}
	return c, nil
}

func (s state) save(c Consortium) error {
	data, err := json.MarshalIndent(c, "", "  ")
	if err == nil {
		err = writeFile(s.description(), append(data, '\n'), 0o644)
	}
	if err != nil {
		return fmt.Errorf("noting the network: %w", err)
	}
	return nil
}

// lock keeps other runners off the network until the returned function is called.
func (s state) lock() (unlock func(), err error) {
	if err := os.MkdirAll(string(s), 0o700); err != nil {
		return nil, fmt.Errorf("making the state directory: %w", err)
	}
	f, err := os.OpenFile(s.path("lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking the network: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("another runner is at work in %s: %w", s, err), f.Close())
	}
	return func() {
		// Closing alone would leave the lock to a process that is just being started and has a copy of the file.
		_ = syscall.Flock(int(f.Fd()), syscall.LOCK_UN)
		_ = f.Close()
	}, nil
}

func (s state) openLog(name string) (*os.File, error) {
	if err := os.MkdirAll(s.path("logs"), 0o700); err != nil {
		return nil, fmt.Errorf("making the log of %s: %w", name, err)
	}
	f, err := os.OpenFile(s.logFile(name), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("making the log of %s: %w", name, err)
	}
	return f, nil
}

// tailBytes bounds what is read of a log's end.
const tailBytes = 64 << 10

// tail returns the last lines of a log; none when there is no log.
func (s state) tail(name string, lines int) ([]string, error) {
	f, err := os.Open(s.logFile(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the log of %s: %w", name, err)
	}
	defer f.Close()
	if size, err := f.Seek(0, io.SeekEnd); err == nil {
		_, err = f.Seek(max(0, size-tailBytes), io.SeekStart)
		if err != nil {
			return nil, fmt.Errorf("reading the log of %s: %w", name, err)
		}
	}
	data, err := io.ReadAll(io.LimitReader(f, tailBytes))
	if err != nil {
		return nil, fmt.Errorf("reading the log of %s: %w", name, err)
	}
	data = bytes.TrimSpace(data)
	if len(data) == 0 {
		return nil, nil
	}
	all := strings.Split(string(data), "\n")
	return all[max(0, len(all)-lines):], nil
}
