// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"ecoupon/network/runner"
)

const (
	// firstLook is when sizes are looked at first, growthEvery between two
	// tables, growthLimit bounds one question.
	firstLook   = 30 * time.Second
	growthEvery = 5 * time.Minute
	growthLimit = 5 * time.Second
)

// size is how large a process is: bytes in memory and in its data folder, and
// goroutines; what is not known is negative.
type size struct{ memory, disk, goroutines int64 }

// growth prints the sizes of all processes, beside those of the first look,
// until open ends.
func (p *play) growth(open context.Context) error {
	began := time.Now()
	var first map[string]size
	for wait := firstLook; rest(open, wait); wait = growthEvery {
		now, err := p.stage.sizes(open)
		if err != nil {
			// A process may have gone just now; the next look is as good.
			fmt.Fprintf(p.out, "looking at sizes: %v\n", err)
			continue
		}
		if first == nil {
			first = now
		}
		p.growthTable(time.Since(began), first, now)
	}
	return nil
}

func (p *play) growthTable(after time.Duration, first, now map[string]size) {
	fmt.Fprintf(p.out, "\nafter %s and %d calls; in brackets at the first look\n", after.Round(time.Second), p.book.done())
	w := tabwriter.NewWriter(p.out, 0, 0, 1, ' ', tabwriter.Debug)
	fmt.Fprintln(w, "| process\t MB in memory\t goroutines\t MB on disk\t")
	for _, o := range p.stage.network.Consortium().Organisations {
		for _, name := range o.Names() {
			was, is := first[name], now[name]
			fmt.Fprintf(w, "| %s\t %s\t %s\t %s\t\n", name, grown(is.memory>>20, was.memory>>20),
				grown(is.goroutines, was.goroutines), grown(is.disk>>20, was.disk>>20))
		}
	}
	var heap runtime.MemStats
	runtime.ReadMemStats(&heap)
	fmt.Fprintf(w, "| this program\t %d\t %d\t\t\n", heap.Sys>>20, runtime.NumGoroutine())
	_ = w.Flush()
	fmt.Fprintln(p.out)
}

func grown(now, first int64) string {
	if now < 0 || first < 0 {
		return "-"
	}
	return fmt.Sprintf("%d (%d)", now, first)
}

// sizes measures every process.
func (s *stage) sizes(ctx context.Context) (map[string]size, error) {
	status, err := s.network.Status()
	if err != nil {
		return nil, err
	}
	all := map[string]size{}
	for _, process := range status.Processes {
		is := size{memory: -1, disk: -1, goroutines: -1}
		if data, err := s.network.Data(process.Name); err == nil {
			if is.disk, err = sizeOf(data); err != nil {
				return nil, err
			}
		}
		if process.State == runner.Running {
			if is.memory, err = memoryOf(process.PID); err != nil {
				return nil, err
			}
			if process.Operations != "" {
				is.goroutines = goroutinesAt(ctx, process.Operations)
			}
		}
		all[process.Name] = is
	}
	return all, nil
}

// memoryOf is what a process has in memory, in bytes.
func memoryOf(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0, fmt.Errorf("/proc/%d/statm has %d fields", pid, len(fields))
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize()), err
}

// goroutinesAt reads a process' metric; negative if it does not answer.
func goroutinesAt(ctx context.Context, address string) int64 {
	ctx, cancel := context.WithTimeout(ctx, growthLimit)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/metrics", nil)
	if err != nil {
		return -1
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return -1
	}
	defer answer.Body.Close()
	return readGoroutines(answer.Body)
}

func readGoroutines(text io.Reader) int64 {
	lines := bufio.NewScanner(text)
	for lines.Scan() {
		if number, found := strings.CutPrefix(lines.Text(), "go_goroutines "); found {
			if value, err := strconv.ParseFloat(number, 64); err == nil {
				return int64(value)
			}
		}
	}
	return -1
}
