// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"ecoupon/network/runner"
)

// wrongStart bounds the start of a service whose clock is so wrong that it is
// refused everything: it runs, but does not become ready.
const wrongStart = 3 * time.Second

// hit does to a process what the fault says. The function returned undoes it:
// then the process serves again as before.
func (p *play) hit(ctx context.Context, e episode) (heal func() error, err error) {
	p.hands.Lock()
	defer p.hands.Unlock()
	n := p.stage.network
	start := func() error { return n.Start(ctx, e.target) }
	switch e.action {
	case pause:
		return func() error { return n.Resume(ctx, e.target) }, n.Pause(ctx, e.target)
	case restart:
		return start, n.Stop(ctx, e.target)
	case loseStore:
		return start, errors.Join(n.Kill(ctx, e.target), p.stage.empty(e.target))
	case cut:
		return p.stage.proxies.cut(e.target), nil
	case delay:
		return p.stage.proxies.delay(e.target, e.by)
	case silence:
		return p.stage.proxies.silence(e.target)
	case fill:
		return p.fillDisk(ctx, e.target)
	case wrongClock:
		return p.putClock(ctx, e.target, e.by)
	case oldCopy:
		return p.goBack(ctx, e.target)
	default:
		return start, n.Kill(ctx, e.target)
	}
}

// fillDisk has a process go on with a small disk that is full soon.
func (p *play) fillDisk(ctx context.Context, target string) (heal func() error, err error) {
	n := p.stage.network
	data, err := n.Data(target)
	if err != nil {
		return nil, err
	}
	if err := n.Stop(ctx, target); err != nil {
		return nil, err
	}
	d, err := mount(data)
	if err != nil {
		return nil, err
	}
	p.stage.disks = append(p.stage.disks, d)
	if err := n.Start(ctx, target); err != nil {
		return nil, err
	}
	p.full[target] = true
	return func() error {
		defer delete(p.full, target)
		// With room again it goes on by itself, or is started if it died: once more if
		// it dies now of what it met before.
		if err := d.resize(ample); err != nil {
			return err
		}
		if n.Start(ctx, target) != nil {
			if err := n.Start(ctx, target); err != nil {
				return err
			}
		}
		if err := errors.Join(n.Stop(ctx, target), d.unmount()); err != nil {
			return err
		}
		p.stage.disks = p.stage.disks[:len(p.stage.disks)-1]
		return n.Start(ctx, target)
	}, d.resize(scant)
}

// putClock has a process go on with a clock that is wrong.
func (p *play) putClock(ctx context.Context, target string, by time.Duration) (heal func() error, err error) {
	n := p.stage.network
	if err := n.Stop(ctx, target); err != nil {
		return nil, err
	}
	n.SetClock(target, by)
	limited, cancel := context.WithTimeout(ctx, wrongStart)
	defer cancel()
	if err := n.Start(limited, target); err != nil && limited.Err() == nil {
		return nil, err
	}
	return func() error {
		n.SetClock(target, 0)
		return errors.Join(n.Stop(ctx, target), n.Start(ctx, target))
	}, nil
}

// goBack has a service go on with the copy of its store that was made some
// episodes ago.
func (p *play) goBack(ctx context.Context, target string) (heal func() error, err error) {
	from := runner.RestoreOptions{From: p.copies[target], LanesFrom: -1}
	if target == advertiserService {
		from.LanesFrom = p.book.firstUnused()
	}
	if err := p.stage.network.Restore(ctx, target, from); err != nil {
		return nil, err
	}
	return func() error { return p.keepCopy(ctx, target) }, nil
}

// keepCopies copies the stores of all services that are to go back.
func (p *play) keepCopies(ctx context.Context) error {
	p.hands.Lock()
	defer p.hands.Unlock()
	for _, target := range keepers {
		if err := p.keepCopy(ctx, target); err != nil {
			return err
		}
	}
	return nil
}

// keepCopy copies a store in the place of its former copy.
func (p *play) keepCopy(ctx context.Context, target string) error {
	p.copied++
	to := filepath.Join(p.stage.dir, fmt.Sprintf("copy-%d-%s", p.copied, target))
	if err := p.stage.network.Backup(ctx, target, to); err != nil {
		return err
	}
	former := p.copies[target]
	p.copies[target] = to
	if former == "" {
		return nil
	}
	return os.RemoveAll(former)
}

// firstUnused is the first lane of which no customer was given a serial number.
func (b *book) firstUnused() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.given.next()
}

// next is the first lane of which no serial number was given out.
func (g givenOut) next() int {
	next := 0
	for l := range g {
		next = max(next, int(l.number)+1)
	}
	return next
}
