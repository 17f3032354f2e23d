// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// switches is the file that is added to package coupon.
const switches = `package coupon

import (
	"os"
	"strconv"
	"sync"
)

var (
	switchedOff, _ = strconv.Atoi(os.Getenv("MUTATE_OFF"))
	reachedFile    = os.Getenv("MUTATE_REACHED")
	reached        sync.Map
)

// SwitchedOff says whether a place is removed, and notes that it was reached.
func SwitchedOff(id int) bool {
	if reachedFile != "" {
		if _, known := reached.LoadOrStore(id, true); !known {
			f, err := os.OpenFile(reachedFile, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
			if err != nil {
				panic(err)
			}
			_, _ = f.WriteString(strconv.Itoa(id) + "\n")
			_ = f.Close()
		}
	}
	return id == switchedOff
}
`

// Bounds of a run of tests.
const (
	testLimit = 5 * time.Minute
	// batch is how many tests run together: those that are likely first.
	batch = 6
)

// built are the tests of all packages with the switches in.
type built struct {
	scratch string
	folders []string            // of the packages, in order
	tests   map[string][]string // by folder
	reach   map[int][]test      // by place, quickest first
	took    map[test]time.Duration
	named   map[string]map[string]bool // reasons in the source of a test
}

// test is one top-level test of a package.
type test struct{ folder, name string }

// build copies the module to the scratch folder, with the files rewritten, and
// builds its tests there. Tests that fail may write into their folders.
func build(ctx context.Context, root, scratch string, files map[string][]byte, named map[string]map[string]bool) (*built, error) {
	if err := os.CopyFS(filepath.Join(scratch, "chaincode"), os.DirFS(filepath.Join(root, "chaincode"))); err != nil {
		return nil, err
	}
	add := func(path string, text []byte) error {
		within, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(scratch, within), text, 0o600)
	}
	for path, text := range files {
		if err := add(path, text); err != nil {
			return nil, err
		}
	}
	if err := add(filepath.Join(root, "chaincode", "coupon", "switches.go"), []byte(switches)); err != nil {
		return nil, err
	}
	b := &built{scratch: scratch, tests: map[string][]string{}, reach: map[int][]test{}, took: map[test]time.Duration{}, named: named}
	for _, p := range packages {
		folder := filepath.Join(scratch, p)
		b.folders = append(b.folders, folder)
		cmd := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-o", b.program(folder), ".")
		cmd.Dir = folder
		cmd.Env = append(os.Environ(), "GOWORK=off")
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("building the tests of %s: %w: %s", p, err, out)
		}
		list, err := b.start(ctx, folder, nil, "-test.list", "^(Test|Fuzz)")
		if err != nil {
			return nil, fmt.Errorf("listing the tests of %s: %w", p, err)
		}
		b.tests[folder] = strings.Fields(list)
	}
	return b, nil
}

func (b *built) program(folder string) string {
	return filepath.Join(b.scratch, filepath.Base(folder)+".test")
}

// start runs a package's tests and returns what they print.
func (b *built) start(ctx context.Context, folder string, env []string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, b.program(folder), append(args, "-test.timeout", testLimit.String())...)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (b *built) count() int {
	n := 0
	for _, tests := range b.tests {
		n += len(tests)
	}
	return n
}

// learn runs every test alone and notes which places it reaches, and how long
// it takes.
func (b *built) learn(ctx context.Context) error {
	for _, folder := range b.folders {
		for _, name := range b.tests[folder] {
			note := filepath.Join(b.scratch, "reached")
			began := time.Now()
			out, err := b.start(ctx, folder, []string{"MUTATE_REACHED=" + note}, "-test.run", "^"+name+"$")
			if err != nil {
				return fmt.Errorf("%s fails although nothing is removed: %s", name, out)
			}
			t := test{folder, name}
			b.took[t] = time.Since(began)
			text, err := os.ReadFile(note)
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				return err
			}
			_ = os.Remove(note)
			for _, word := range strings.Fields(string(text)) {
				id, err := strconv.Atoi(word)
				if err != nil {
					return err
				}
				b.reach[id] = append(b.reach[id], t)
			}
		}
	}
	for _, tests := range b.reach {
		slices.SortStableFunc(tests, func(x, y test) int { return int(b.took[x] - b.took[y]) })
	}
	return nil
}

// removeEach removes one place after the other and prints what became of it.
func (b *built) removeEach(ctx context.Context, places []place, excused map[string]string, out io.Writer) (tally, error) {
	t := tally{used: map[string]bool{}}
	for i, p := range places {
		by, word, err := b.remove(ctx, p)
		if err != nil {
			return t, err
		}
		switch _, known := excused[p.String()]; {
		case by != "":
			t.caught++
			word = "caught by " + by
		case known:
			t.excused++
			t.used[p.String()] = true
			word = "excused"
		default:
			t.survived++
			word = "SURVIVED " + p.where() + ": " + word
		}
		fmt.Fprintf(out, "%3d/%d %s: %s\n", i+1, len(places), p, word)
	}
	return t, nil
}

// remove returns the test that misses the place and names its reason, or in
// words why there is none.
func (b *built) remove(ctx context.Context, p place) (by, word string, err error) {
	reaching := b.reach[p.id]
	if len(reaching) == 0 {
		return "", "no test reaches it", nil
	}
	word = "no test fails"
	// Its own package's tests come first.
	ordered := slices.Clone(reaching)
	slices.SortStableFunc(ordered, func(x, y test) int {
		return strings.Compare(foreign(x, p), foreign(y, p))
	})
	for size := batch; len(ordered) > 0; {
		n := 1
		for n < len(ordered) && n < size && ordered[n].folder == ordered[0].folder {
			n++
		}
		names := make([]string, n)
		for i, t := range ordered[:n] {
			names[i] = t.name
		}
		text, err := b.start(ctx, ordered[0].folder, []string{fmt.Sprintf("MUTATE_OFF=%d", p.id)}, "-test.run", "^("+strings.Join(names, "|")+")$")
		if ctx.Err() != nil {
			return "", "", ctx.Err()
		}
		if err != nil {
			if names := b.missedBy(p, text); names != "" {
				return names, "", nil
			}
			word = "tests fail, and none names " + p.reason + ": " + failures(text)
			if n > 1 { // a panic of one has cut the others short
				size = 1
				continue
			}
		}
		ordered = ordered[n:]
	}
	return "", word, nil
}

func foreign(t test, p place) string {
	if filepath.Base(t.folder) == p.pkg {
		return ""
	}
	return t.folder
}

// missedBy returns the test that failed, if its output or its source names the
// reason.
func (b *built) missedBy(p place, text string) string {
	failed := failures(text)
	top, _, _ := strings.Cut(failed, "/")
	if p.reason == "" || strings.Contains(text, p.reason) || b.named[top][p.reason] {
		return failed
	}
	return ""
}

// failures returns the name of the first test that failed.
func failures(text string) string {
	deepest := ""
	for _, line := range strings.Split(text, "\n") {
		name, found := strings.CutPrefix(strings.TrimSpace(line), "--- FAIL: ")
		if name, _, _ = strings.Cut(name, " ("); found && (deepest == "" || strings.HasPrefix(name, deepest)) {
			deepest = name
		}
	}
	if deepest == "" && strings.Contains(text, "panic: ") {
		return "a panic"
	}
	return deepest
}
