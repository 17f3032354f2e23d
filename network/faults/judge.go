// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"

	"ecoupon/network/faults/history"
)

// recorded is the history of the coupons that were first used in an episode.
type recorded struct {
	name    string
	history *history.History
}

// verdict sums up what was found of histories.
type verdict struct {
	history.Shares
	histories, counting, wrong, unchecked int
	// openings are between the episodes' histories.
	openings int
}

// record begins another history.
func (p *play) record(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.records = append(p.records, recorded{name, p.book.open()})
}

// during names the history that is being recorded, if any is.
func (p *play) during() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.records) == 0 {
		return "between episodes"
	}
	return p.records[len(p.records)-1].name
}

// judge checks the histories of the round. Of each coupon with an impossible
// one it draws a picture.
func (p *play) judge() error {
	records := p.records
	p.records = nil
	for i, r := range records {
		result := history.Check(r.history.Operations())
		p.verdict.Shares = p.verdict.Add(result.Shares)
		p.verdict.wrong += len(result.Wrong)
		p.verdict.unchecked += result.Unchecked
		switch {
		case i == 0:
			p.verdict.openings++
		case result.Counts():
			p.verdict.histories++
			p.verdict.counting++
		default:
			p.verdict.histories++
			fmt.Fprintf(p.out, "the history of %s does not count: %s\n", r.name, sharesText(result.Shares))
		}
		for _, list := range result.Wrong {
			drawn, err := history.Draw(list, p.drawings)
			if err != nil {
				return err
			}
			fmt.Fprintf(p.out, "IMPOSSIBLE: %s: %v: see %s\n", r.name, list, drawn)
		}
	}
	return nil
}

func sharesText(s history.Shares) string {
	return fmt.Sprintf("%d operations, %s with unknown outcome, %s concurrent on one coupon",
		s.Operations, percent(s.Unknown, s.Operations), percent(s.Concurrent, s.Operations))
}

func percent(part, whole int) string {
	return fmt.Sprintf("%.1f %%", 100*float64(part)/float64(max(1, whole)))
}

// err is what fails a run: an impossible history, or one that could not be
// checked.
func (v verdict) err() error {
	var errs []error
	if v.wrong > 0 {
		errs = append(errs, fmt.Errorf("the histories of %d coupons are impossible", v.wrong))
	}
	if v.unchecked > 0 {
		errs = append(errs, fmt.Errorf("the histories of %d coupons took too long to check", v.unchecked))
	}
	return errors.Join(errs...)
}

func (v verdict) String() string {
	return fmt.Sprintf("%d histories of episodes, of which %d count; %s; impossible: %d coupons",
		v.histories, v.counting, sharesText(v.Shares), v.wrong)
}
