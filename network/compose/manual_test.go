// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

//go:build compose

package compose

import (
	"context"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ecoupon/network/internal/doc"
)

// manual is what docs/operating.md says on containers, word by word.
type manual struct {
	commands []doc.Command
	open     map[int]bool // lines of those not followed yet
}

func readManual(t *testing.T) *manual {
	t.Helper()
	all, err := doc.Commands(filepath.Join(root, "docs", "operating.md"))
	if err != nil {
		t.Fatal(err)
	}
	m := &manual{open: map[int]bool{}}
	for _, c := range all {
		if c.Section == doc.InContainers {
			m.commands = append(m.commands, c)
			m.open[c.Line] = true
		}
	}
	return m
}

// find returns the one command with something in it.
func (m *manual) find(t *testing.T, part string) doc.Command {
	t.Helper()
	var found []doc.Command
	for _, c := range m.commands {
		if strings.Contains(c.Text, part) {
			found = append(found, c)
		}
	}
	if len(found) != 1 {
		t.Fatalf("docs/operating.md has %d commands on containers with %q, want one", len(found), part)
	}
	return found[0]
}

// do follows the command with something in it.
func (m *manual) do(t *testing.T, part string) string {
	t.Helper()
	c := m.find(t, part)
	delete(m.open, c.Line)
	return shell(t, c.Text)
}

// doFor follows a command for another process than that of its example.
func (m *manual) doFor(t *testing.T, part, example, process string) string {
	t.Helper()
	c := m.find(t, part)
	if process == example {
		delete(m.open, c.Line)
	}
	return shell(t, strings.ReplaceAll(c.Text, example, process))
}

// followed wants all of the section to have been done.
func (m *manual) followed(t *testing.T) {
	for line := range m.open {
		t.Errorf("line %d of docs/operating.md is not followed", line)
	}
}

// shell runs commands as somebody would type them, who stops at the first that
// fails, and shows what they print.
func shell(t *testing.T, text string) string {
	t.Helper()
	t.Logf("$ %s", strings.TrimSpace(text))
	var out strings.Builder
	cmd := exec.Command("sh", "-eu", "-c", text)
	cmd.Dir = root
	cmd.Stdout = io.MultiWriter(&out, t.Output())
	cmd.Stderr = t.Output()
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// run runs a program that must succeed, and returns what it printed.
func run(t *testing.T, program string, args ...string) string {
	t.Helper()
	out, err := command(context.WithoutCancel(t.Context()), program, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
	}
	return out
}

func succeeds(t *testing.T, program string, args ...string) bool {
	_, err := command(t.Context(), program, args...)
	return err == nil
}

// command runs a program in the project's directory. Its warnings are part of
// what is returned only if it fails.
func command(ctx context.Context, program string, args ...string) (string, error) {
	var out, said strings.Builder
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = root
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return out.String() + said.String(), err
	}
	return out.String(), nil
}

// eventually polls a condition that must become true.
func eventually(t *testing.T, what string, within time.Duration, condition func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	for !condition() {
		if time.Since(began) > within {
			t.Fatalf("%s: not within %s", what, within)
		}
		select {
		case <-t.Context().Done():
			t.Fatalf("%s: %v", what, t.Context().Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
	return time.Since(began)
}
