// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package campaignfile

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// maxDays bounds a relative date; it is a mistake beyond that.
const maxDays = 36500

// ParseTime reads a time as people write it:
//
//	now                     this moment
//	today                   the beginning of the day, in now's time zone
//	+30d, -1d               the beginning of the day that many days from today
//	+90m, -2h               that long from now
//	2030-05-01              the beginning of that day, in now's time zone
//	2030-05-01T08:00:00Z    RFC 3339
func ParseTime(text string, now time.Time) (time.Time, error) {
	year, month, day := now.Date()
	today := time.Date(year, month, day, 0, 0, 0, 0, now.Location())
	switch {
	case text == "now":
		return now, nil
	case text == "today":
		return today, nil
	case strings.HasPrefix(text, "+") || strings.HasPrefix(text, "-"):
		return relative(text, now, today)
	}
	if at, err := time.ParseInLocation(time.DateOnly, text, now.Location()); err == nil {
		return at, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is no time; write now, today, +30d, +2h, 2030-05-01 or 2030-05-01T08:00:00Z", text)
	}
	return at, nil
}

func relative(text string, now, today time.Time) (time.Time, error) {
	if days, found := strings.CutSuffix(text, "d"); found {
		n, err := strconv.Atoi(days)
		if err != nil || n > maxDays || n < -maxDays {
			return time.Time{}, fmt.Errorf("%q is no number of days such as +30d", text)
		}
		return today.AddDate(0, 0, n), nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is no time from now such as +30d or +2h", text)
	}
	return now.Add(d), nil
}
