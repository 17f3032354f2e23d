// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
)

// errNoBackup says that of a process there is nothing to copy, or nothing that
// it may go on with.
var errNoBackup = errors.New("only peers and services have something to back up: " +
	"an orderer gets its blocks from the others, and must not go back behind what it has signed")

// RestoreOptions say what a store is restored from.
type RestoreOptions struct {
	// From is what Backup wrote; empty if there is none, for a service.
	From string
	// LanesFrom is the first lane of which an advertiser has never given out a
	// serial number; negative if none is known.
	LanesFrom int
}

// Backup copies what one process keeps to a new file or folder. A service goes
// on meanwhile. A peer is stopped for it, and started again if it was running.
func (n *Network) Backup(ctx context.Context, name, to string) error {
	return n.locked(name, func(o Organisation, kind string) error {
		to, err := filepath.Abs(to)
		if err != nil {
			return fmt.Errorf("backing up %s: %w", name, err)
		}
		if _, err := os.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("backing up %s: %s is there already", name, to)
		}
		switch {
		case isPeer(kind):
			err = n.halted(ctx, o, kind, func() error { return copyFolder(n.Folder(o.Name, kind, "data"), to) })
		case kind == kindInstitute:
			err = errInstitute
		case slices.Contains(o.Roles, kind):
			err = n.keep(ctx, o, kind, "backup", to)
		default:
			err = errNoBackup
		}
		if err != nil {
			return fmt.Errorf("backing up %s: %w", name, err)
		}
		return nil
	})
}

// Restore has one process go on with what Backup copied. It is stopped for it,
// and started again if it was running. What it had is kept beside it, with
// .replaced added to its name.
//
// A service asks the ledger for what it has missed, so its organisation's peers
// are waited for until they have all blocks that others have.
func (n *Network) Restore(ctx context.Context, name string, r RestoreOptions) error {
	return n.locked(name, func(o Organisation, kind string) (err error) {
		switch {
		case isPeer(kind):
			err = n.halted(ctx, o, kind, func() error { return n.replaceLedger(o, kind, r.From) })
		case kind == kindInstitute:
			err = errInstitute
		case slices.Contains(o.Roles, kind):
			err = n.restoreStore(ctx, o, kind, r)
		default:
			err = errNoBackup
		}
		if err != nil {
			return fmt.Errorf("restoring %s: %w", name, err)
		}
		return nil
	})
}

// halted does something while a process is stopped. Other than by a failure of
// the stop it is started again in any case.
func (n *Network) halted(ctx context.Context, o Organisation, kind string, do func() error) error {
	name := kind + "." + o.Name
	r, err := n.state.readRecord(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	ran := err == nil && r.alive()
	if err := n.state.stop(ctx, name); err != nil {
		return err
	}
	err = do()
	if ran {
		err = errors.Join(err, n.launch(ctx, o, kind))
	}
	return err
}

func (n *Network) replaceLedger(o Organisation, kind, from string) error {
	if from == "" {
		return errors.New("a backup is to be named")
	}
	if _, err := os.Stat(filepath.Join(from, "ledgersData")); err != nil {
		return fmt.Errorf("%s is no backup of a peer: %w", from, err)
	}
	data := n.Folder(o.Name, kind, "data")
	if err := os.RemoveAll(data + ".restored"); err != nil {
		return err
	}
	if err := copyFolder(from, data+".restored"); err != nil {
		return err
	}
	if err := os.RemoveAll(data + ".replaced"); err != nil {
		return err
	}
	if err := os.Rename(data, data+".replaced"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Rename(data+".restored", data)
}

func (n *Network) restoreStore(ctx context.Context, o Organisation, role string, r RestoreOptions) error {
	arguments := []string{"--lanes-from", strconv.Itoa(r.LanesFrom), "--lost"}
	if r.From != "" {
		from, err := filepath.Abs(r.From)
		if err != nil {
			return err
		}
		arguments[2] = from
	}
	if err := n.awaitCaughtUp(ctx, o); err != nil {
		return err
	}
	return n.halted(ctx, o, role, func() error { return n.keep(ctx, o, role, "restore", arguments...) })
}

// keep runs one of the commands that a service's program has for its store.
func (n *Network) keep(ctx context.Context, o Organisation, role, command string, arguments ...string) error {
	if err := n.haveBinaries(ctx, role); err != nil {
		return err
	}
	p := n.service(o, role)
	arguments = append([]string{command, "--config", n.configuration(role)}, arguments...)
	cmd := exec.CommandContext(ctx, p.command[0], arguments...)
	cmd.Dir = p.dir
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, bytes.TrimSpace(said))
	}
	return nil
}

// AwaitCaughtUp waits until every peer has the blocks that any peer has now;
// others may come meanwhile.
func (n *Network) AwaitCaughtUp(ctx context.Context) error {
	return n.awaitCaughtUp(ctx, n.consortium.Organisations...)
}

// awaitCaughtUp waits until the organisations' peers have every block that any
// peer has now.
func (n *Network) awaitCaughtUp(ctx context.Context, organisations ...Organisation) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	most := 0.0
	for _, o := range n.consortium.Organisations {
		for _, kind := range o.peers() {
			// Who does not answer is not waited for.
			if blocks, err := readMetric(ctx, n.consortium.operationsAddress(o, kind), height); err == nil {
				most = max(most, blocks)
			}
		}
	}
	for _, o := range organisations {
		for _, kind := range o.peers() {
			err := until(ctx, func(ctx context.Context) error {
				blocks, err := readMetric(ctx, n.consortium.operationsAddress(o, kind), height)
				if err == nil && blocks < most {
					err = fmt.Errorf("it has %.0f blocks of %.0f", blocks, most)
				}
				return err
			})
			if err != nil {
				return fmt.Errorf("waiting for %s.%s: %w", kind, o.Name, err)
			}
		}
	}
	return nil
}

// copyFolder copies a folder; the copy appears complete or not at all, and is
// for its owner alone.
func copyFolder(from, to string) error {
	part := to + ".part"
	if err := os.RemoveAll(part); err != nil {
		return err
	}
	if err := os.MkdirAll(part, 0o700); err != nil {
		return err
	}
	if err := os.CopyFS(part, os.DirFS(from)); err != nil {
		return errors.Join(err, os.RemoveAll(part))
	}
	return os.Rename(part, to)
}
