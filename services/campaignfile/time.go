// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package campaignfile

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"ecoupon/chaincode/coupon"
)

// units are those of durations, the longest first, in milliseconds.
var units = []struct {
	name   string
	length int64
}{{"d", 86_400_000}, {"h", 3_600_000}, {"m", 60_000}, {"s", 1000}, {"ms", 1}}

// maxDuration bounds durations: all that a campaign can say is shorter.
const maxDuration = coupon.MaxScheduleSpan

// ParseDuration reads a duration as people write it, a count and a unit: ms, s,
// m, h or d, a day of 24 hours. It returns milliseconds.
func ParseDuration(text string) (int64, error) {
	digits := strings.TrimRight(text, "dhms")
	count, err := strconv.ParseInt(digits, 10, 64)
	for _, unit := range units {
		if err == nil && text == strconv.FormatInt(count, 10)+unit.name && count >= 0 && count <= maxDuration/unit.length {
			return count * unit.length, nil
		}
	}
	return 0, fmt.Errorf("%q is no duration of up to ten years such as 10s, 30m, 2h or 7d", text)
}

// FormatDuration writes milliseconds as ParseDuration reads them, in the
// longest unit of which they are a multiple.
func FormatDuration(milliseconds int64) string {
	for _, unit := range units {
		if milliseconds%unit.length == 0 && milliseconds != 0 {
			return strconv.FormatInt(milliseconds/unit.length, 10) + unit.name
		}
	}
	return "0s"
}

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
