// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Package doc finds the commands in a page of the docs, so that tests run them
// word for word.
package doc

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// InContainers is the section of docs/operating.md whose commands the test of
// the containers runs. Those of all other sections are run by the test of the
// docs.
const InContainers = "In containers"

// Command is something to be typed: a block in a fence marked sh, or a piece
// of code in a table that begins with the name of a program.
type Command struct {
	// Section is the heading of level 2 above it, without the marks.
	Section string
	// Line is its first line in the page, from 1.
	Line int
	// Text may have several lines.
	Text string
}

// typed is code in a table that is a command.
var typed = regexp.MustCompile("`((?:bin/|make |docker|sqlite3 |go )[^`]*)`")

// Commands lists all commands of a page in their order.
func Commands(file string) ([]Command, error) {
	page, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the docs: %w", err)
	}
	var found []Command
	section, fence := "", ""
	for i, line := range strings.Split(string(page), "\n") {
		opens, fenced := strings.CutPrefix(line, "```")
		switch {
		case fenced && fence != "":
			fence = ""
		case fenced:
			fence = "```" + opens
			if opens == "sh" {
				found = append(found, Command{Section: section, Line: i + 2})
			}
		case fence == "```sh":
			found[len(found)-1].Text += line + "\n"
		case fence != "":
		case strings.HasPrefix(line, "## "):
			section = strings.TrimPrefix(line, "## ")
		case strings.HasPrefix(line, "|"):
			for _, code := range typed.FindAllStringSubmatch(line, -1) {
				found = append(found, Command{Section: section, Line: i + 1, Text: code[1] + "\n"})
			}
		}
	}
	return found, nil
}

// Workplace makes dir look like the project's directory to commands that are
// typed there. What they leave behind is in dir.
func Workplace(dir, root string) error {
	for _, name := range []string{"bin", "docs", "examples"} {
		if err := os.Symlink(filepath.Join(root, name), filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("making a place to work: %w", err)
		}
	}
	return nil
}

// Run types the command into a shell in dir, with additions to the environment.
// It returns what was printed; its error says where in the page the command is.
func (c Command) Run(ctx context.Context, dir string, environment ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "sh", "-eu", "-c", c.Text) //nolint:gosec // the docs' own commands
	cmd.Dir, cmd.Env = dir, append(os.Environ(), environment...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("line %d, %q: %w\n%s", c.Line, strings.TrimSpace(c.Text), err, out)
	}
	return string(out), nil
}
