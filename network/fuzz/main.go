// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Command fuzz runs every fuzz target of the repository, one after the other,
// for the same time each. It finds them in the syntax of the tests, so a new one
// is taken up by being there.
//
// What a target finds stays in testdata/fuzz beside it, where it is a seed of
// ordinary tests: inputs that fail, which the go command writes there, and some
// of the inputs that reached new code. The exit code is 1 if anything failed.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"ecoupon/network/internal/command"
)

func main() { command.Main("fuzz", run) }

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("fuzz", flag.ContinueOnError)
	root := flags.String("root", ".", "the repository")
	duration := flags.Duration("duration", time.Minute, "time for each target")
	only := flags.String("run", "", "targets whose package and name match this expression")
	if err := flags.Parse(args); err != nil {
		return err
	}
	wanted, err := regexp.Compile(*only)
	if err != nil {
		return err
	}
	targets, err := find(*root)
	if err != nil {
		return err
	}
	failed, ran := []string{}, 0
	for i, t := range targets {
		if !wanted.MatchString(t.String()) {
			continue
		}
		ran++
		began := time.Now()
		result, err := t.run(ctx, *duration)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		word := "nothing found"
		if err != nil {
			failed, word = append(failed, t.String()), "FAILED"
		}
		kept, keepErr := t.keep(ctx)
		if keepErr != nil {
			return keepErr
		}
		fmt.Fprintf(out, "%2d/%d %-48s %-13s %4.0f s  %s, %d inputs kept\n", i+1, len(targets), t, word, time.Since(began).Seconds(), result, kept)
	}
	fmt.Fprintf(out, "%d targets, %s each, %d failed\n", ran, *duration, len(failed))
	if len(failed) > 0 {
		return fmt.Errorf("found something: %s", strings.Join(failed, ", "))
	}
	return nil
}

// progress is the go command's line about how far it is.
var progress = regexp.MustCompile(`execs: (\d+) .*new interesting: \d+ \(total: (\d+)\)`)

// minimise bounds how long the go command works on making one input smaller, or
// it does little else with long ones.
const minimise = "500ms"

// run fuzzes one target and returns what it did in words; the error is what the
// go command printed.
func (t target) run(ctx context.Context, duration time.Duration) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-fuzz", "^"+t.name+"$", "-fuzztime", duration.String(), "-fuzzminimizetime", minimise, ".")
	cmd.Dir = t.folder
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	text, err := cmd.CombinedOutput()
	found := progress.FindAllStringSubmatch(string(text), -1)
	if err != nil {
		fmt.Fprintln(os.Stderr, string(text))
		return "see above", err
	}
	if len(found) == 0 {
		return "", fmt.Errorf("%s: no progress: %s", t, text)
	}
	last := found[len(found)-1]
	return last[1] + " executions", nil
}

// Bounds of what is kept of a target's inputs.
const (
	maxKept     = 8
	maxKeptSize = 1024
)

// keep copies inputs that reached new code from the go command's cache to
// testdata, as long as there is room, and returns how many there are.
func (t target) keep(ctx context.Context) (int, error) {
	cache, err := exec.CommandContext(ctx, "go", "env", "GOCACHE").Output()
	if err != nil {
		return 0, err
	}
	found, err := os.ReadDir(filepath.Join(strings.TrimSpace(string(cache)), "fuzz", filepath.FromSlash(t.path), t.name))
	if err != nil && !os.IsNotExist(err) {
		return 0, err
	}
	folder := filepath.Join(t.folder, "testdata", "fuzz", t.name)
	kept, err := os.ReadDir(folder)
	if err != nil && !os.IsNotExist(err) {
		return 0, err
	}
	count := len(kept)
	for _, entry := range found {
		if count >= maxKept {
			break
		}
		source := filepath.Join(strings.TrimSpace(string(cache)), "fuzz", filepath.FromSlash(t.path), t.name, entry.Name())
		data, err := os.ReadFile(source)
		to := filepath.Join(folder, entry.Name())
		if _, known := os.Stat(to); err != nil || known == nil || len(data) > maxKeptSize {
			continue
		}
		if err := os.MkdirAll(folder, 0o750); err != nil {
			return count, err
		}
		if err := os.WriteFile(to, data, 0o600); err != nil {
			return count, err
		}
		count++
	}
	return count, nil
}
