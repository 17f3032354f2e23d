// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// readSurvivors reads the places that cannot matter. A line is the place, as a
// list of them prints it, a colon after its quoted detail, and why. Empty lines
// and those that begin with # say nothing.
func readSurvivors(path string) (map[string]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	excused := map[string]string{}
	for i, line := range strings.Split(string(text), "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, why, found := strings.Cut(line, `": `)
		key += `"`
		if _, twice := excused[key]; !found || twice || why == "" {
			return nil, fmt.Errorf("%s:%d: not a place, a colon and why, or there twice", path, i+1)
		}
		excused[key] = why
	}
	return excused, nil
}

// tally counts what became of the places.
type tally struct {
	caught, excused, survived int
	used                      map[string]bool
}

// verdict is an error if a place survived, or, once all were tried, an entry is
// not needed.
func (t tally) verdict(excused map[string]string, all bool) error {
	var wrong []error
	if t.survived > 0 {
		wrong = append(wrong, fmt.Errorf("%d places can be removed and no test misses them", t.survived))
	}
	if all {
		var unused []string
		for key := range excused {
			if !t.used[key] {
				unused = append(unused, key)
			}
		}
		slices.Sort(unused)
		for _, key := range unused {
			wrong = append(wrong, fmt.Errorf("survivors.txt: nothing survives as %s", key))
		}
	}
	return errors.Join(wrong...)
}
