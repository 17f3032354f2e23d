// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Package usage says how much of the processors groups of processes have used,
// as the kernel counts it.
package usage

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// ticks is how many of the kernel's units of processor time are a second, on
// all machines that Linux runs on today.
const ticks = 100

// Groups are processes by the name under which they are summed up.
type Groups map[string][]int

// Elsewhere is the group of all that no other group has: other processes, and the
// kernel's own work.
const Elsewhere = "elsewhere"

// Snapshot is what processes had used up at one moment.
type Snapshot struct {
	at   time.Time
	used map[identity]used
	// all is what the machine had.
	all int64
}

// identity tells a process from another that gets its number later.
type identity struct {
	pid   int
	start string
}

type used struct {
	group string
	ticks int64
}

// Take looks at the processes of all groups. One that has ended is left out.
func Take(groups Groups) Snapshot {
	s := Snapshot{at: time.Now(), used: make(map[identity]used), all: machine()}
	for group, pids := range groups {
		for _, pid := range pids {
			stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
			if err != nil {
				continue
			}
			start, spent, err := parse(string(stat))
			if err != nil {
				continue
			}
			s.used[identity{pid, start}] = used{group, spent}
		}
	}
	return s
}

// Cores returns how many processors each group kept busy between an earlier
// snapshot and this one. What was started in between counts in full.
func (s Snapshot) Cores(earlier Snapshot) map[string]float64 {
	cores := make(map[string]float64)
	seconds := s.at.Sub(earlier.at).Seconds()
	if seconds <= 0 {
		return cores
	}
	sum := 0.0
	for id, u := range s.used {
		busy := float64(u.ticks-earlier.used[id].ticks) / ticks / seconds
		cores[u.group] += busy
		sum += busy
	}
	if rest := float64(s.all-earlier.all)/ticks/seconds - sum; rest > 0 {
		cores[Elsewhere] = rest
	}
	return cores
}

// machine is the processor time that the machine has spent since it was started;
// 0 where /proc does not tell.
func machine() int64 {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(stat), "\n")
	sum := int64(0)
	// cpu user nice system idle iowait irq softirq …
	for i, field := range strings.Fields(first) {
		if n, err := strconv.ParseInt(field, 10, 64); err == nil && i != 4 && i != 5 && i < 8 {
			sum += n
		}
	}
	return sum
}

// Machine is the processor time, in seconds, that the machine has spent since it
// was started.
func Machine() float64 { return float64(machine()) / ticks }

// parse reads /proc/<pid>/stat: when the process was started, and the processor
// time that it has used, in the kernel and outside, and with it those of its
// children that have ended.
func parse(stat string) (start string, spent int64, err error) {
	// The name in parentheses may hold anything; after it, state is the first
	// field, utime, stime, cutime and cstime are the 12th to 15th, and the start
	// time is the 20th.
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 20 {
		return "", 0, fmt.Errorf("stat has %d fields after the name", len(fields))
	}
	for _, field := range fields[11:15] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return "", 0, fmt.Errorf("reading stat: %w", err)
		}
		spent += n
	}
	return fields[19], spent, nil
}

// Children returns a process and all that descend from it.
func Children(pid int) []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return []int{pid}
	}
	parents := make(map[int]int)
	for _, e := range entries {
		child, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", child))
		if err != nil {
			continue
		}
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		if len(fields) > 1 {
			parents[child], _ = strconv.Atoi(fields[1])
		}
	}
	family := []int{pid}
	for i := 0; i < len(family); i++ {
		for child, parent := range parents {
			if parent == family[i] {
				family = append(family, child)
			}
		}
	}
	return family
}
