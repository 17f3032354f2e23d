// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"ecoupon/network/runner"
)

const (
	// watchEvery is between two looks at the processes.
	watchEvery = time.Second
	// nurseLimit bounds the start of one that died.
	nurseLimit = 10 * time.Second
)

// death is a process that ended by itself and was started again.
type death struct {
	name string
	// during is the history that was recorded then, full that its disk was
	// full.
	during string
	full   bool
	// last has the last lines of its log.
	last string
}

// nurse starts again what ends by itself, as a machine's init system does,
// until open ends, and keeps the end of its log.
func (p *play) nurse(ctx, open context.Context) error {
	for rest(open, watchEvery) {
		p.hands.Lock()
		p.revive(ctx)
		p.hands.Unlock()
	}
	return nil
}

// revive starts what has died; the caller has the hands. What does not start
// is tried again with the next look.
func (p *play) revive(ctx context.Context) {
	status, err := p.stage.network.Status()
	if err != nil {
		fmt.Fprintf(p.out, "looking at the processes: %v\n", err)
		return
	}
	for _, process := range status.Processes {
		if process.State != runner.Died {
			continue
		}
		p.mourn(process)
		limited, cancel := context.WithTimeout(ctx, nurseLimit)
		if err := p.stage.network.Start(limited, process.Name); err != nil && !p.full[process.Name] {
			fmt.Fprintf(p.out, "starting %s again: %v\n", process.Name, err)
		}
		cancel()
	}
}

// mourn notes a death, the first of a row with a full disk only.
func (p *play) mourn(process runner.ProcessStatus) {
	d := death{
		name: process.Name, full: p.full[process.Name], during: p.during(),
		last: strings.Join(process.LastLines, "\n"),
	}
	if n := len(p.deaths); d.full && n > 0 && p.deaths[n-1].name == d.name && p.deaths[n-1].during == d.during {
		return
	}
	p.deaths = append(p.deaths, d)
	kept := ""
	if !d.full {
		var err error
		if kept, err = p.keepLog(process); err != nil {
			kept = err.Error()
		}
	}
	fmt.Fprintf(p.out, "     %s\n", strings.TrimSpace(d.String()+" "+kept))
}

// keepLog copies the log of a process that died without a reason.
func (p *play) keepLog(process runner.ProcessStatus) (string, error) {
	text, err := os.ReadFile(process.Log)
	if err != nil {
		return "", err
	}
	name := filepath.Join(p.drawings, fmt.Sprintf("died-%d-%s.log", len(p.deaths), process.Name))
	return name, errors.Join(os.MkdirAll(p.drawings, 0o750), os.WriteFile(name, text, 0o600))
}

func (d death) String() string {
	why := ""
	if d.full {
		why = ", its disk being full,"
	}
	return fmt.Sprintf("%s ended by itself%s and was started again: %s", d.name, why, d.during)
}
