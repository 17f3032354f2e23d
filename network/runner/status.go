// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// What a process can be.
const (
	Running = "running"
	Stopped = "stopped" // not started, or stopped on request
	Died    = "died"    // ended by itself
	// Elsewhere is a process in a container: what runs it knows its state.
	Elsewhere = "in a container"
)

// Status is a network's state at one moment.
type Status struct {
	StateDir  string          `json:"state_dir"`
	Channel   string          `json:"channel"`
	Processes []ProcessStatus `json:"processes"`
	// Ending are the certificates that end within 30 days or have ended.
	Ending []Certificate `json:"ending,omitempty"`
}

// ProcessStatus is the state of one process. Operations is where it answers
// /healthz and /metrics; empty for one that does not.
type ProcessStatus struct {
	Name         string   `json:"name"`
	Organisation string   `json:"organisation,omitempty"` // none of an institute
	State        string   `json:"state"`
	PID          int      `json:"pid,omitempty"`
	Address      Address  `json:"address"`
	PublicURL    string   `json:"public_url,omitempty"`
	Operations   string   `json:"operations,omitempty"`
	Log          string   `json:"log"`
	LastLines    []string `json:"last_lines,omitempty"` // of the log of one that died
}

// Died returns an error that names the processes that ended by themselves,
// with the last lines of their logs; nil when there are none.
func (s Status) Died() error {
	var errs []error
	for _, p := range s.Processes {
		if p.State == Died {
			errs = append(errs, died(p.Name, p.Log, p.LastLines))
		}
	}
	return errors.Join(errs...)
}

// Status looks at every process of the network.
func (n *Network) Status() (Status, error) {
	s := Status{StateDir: string(n.state), Channel: n.consortium.Channel}
	for _, o := range n.consortium.Organisations {
		for _, kind := range o.kinds() {
			p, err := n.statusOf(o, kind)
			if err != nil {
				return s, err
			}
			s.Processes = append(s.Processes, p)
		}
	}
	for _, x := range n.consortium.Institutes {
		process := n.institute(x)
		p := ProcessStatus{
			Name: process.name, State: Stopped, Address: process.address,
			Operations: n.consortium.instituteDebug(x), Log: n.state.logFile(process.name),
		}
		if err := n.look(&p); err != nil {
			return s, err
		}
		s.Processes = append(s.Processes, p)
	}
	var err error
	s.Ending, err = n.Ending()
	return s, err
}

// kinds lists the processes of an organisation.
func (o Organisation) kinds() []string {
	var kinds []string
	if o.HasOrderer() {
		kinds = append(kinds, kindOrderer)
	}
	kinds = append(kinds, o.peers()...)
	return append(append(kinds, kindChaincode), o.Roles...)
}

func (n *Network) statusOf(o Organisation, kind string) (ProcessStatus, error) {
	p := ProcessStatus{
		Name: kind + "." + o.Name, Organisation: o.MSPID, State: Stopped,
		Address: n.consortium.address(o, kind), Log: n.state.logFile(kind + "." + o.Name),
	}
	switch {
	case isPeer(kind):
		p.Operations = n.consortium.operationsAddress(o, kind)
	case kind == kindOrderer:
		p.Operations = n.consortium.local(o, portOrdererOperations)
	case kind == kindChaincode:
	default:
		p.Operations = n.consortium.debugAddress(o, kind)
	}
	if kind == Advertiser {
		p.PublicURL = n.consortium.publicURL(o)
	}
	err := n.look(&p)
	return p, err
}

// look adds what a process does.
func (n *Network) look(p *ProcessStatus) error {
	if n.consortium.Containers {
		p.State = Elsewhere
		return nil
	}
	r, err := n.state.readRecord(p.Name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	p.PID, p.State = r.PID, Running
	if !r.alive() {
		p.State = Died
		p.LastLines, err = n.state.tail(p.Name, lastLines)
	}
	return err
}

// followEvery is how often a followed log is looked at for more.
const followEvery = 200 * time.Millisecond

// Logs writes what a process has logged. With follow it goes on until ctx ends.
func (n *Network) Logs(ctx context.Context, name string, follow bool, to io.Writer) error {
	if _, _, err := n.find(name); err != nil {
		return err
	}
	f, err := os.Open(n.state.logFile(name))
	if err != nil {
		return fmt.Errorf("reading the log of %s: %w", name, err)
	}
	defer f.Close()
	for {
		if _, err := io.Copy(to, f); err != nil {
			return fmt.Errorf("reading the log of %s: %w", name, err)
		}
		if !follow {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(followEvery):
		}
	}
}
