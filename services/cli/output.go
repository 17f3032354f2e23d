// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	typev1 "ecoupon/proto/gen/coupon/type/v1"
	"ecoupon/services/money"
)

const timeForm = "2006-01-02 15:04:05 -0700"

// show prints a message as JSON, or what human makes of it.
func (a *app) show(message proto.Message, human func() string) error {
	if !a.json {
		return a.printf("%s", human())
	}
	text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(message)
	if err != nil {
		return err
	}
	// protojson varies its white space on purpose.
	var line bytes.Buffer
	if err := json.Compact(&line, text); err != nil {
		return err
	}
	return a.printf("%s\n", line.String())
}

func (a *app) printf(format string, values ...any) error {
	_, err := fmt.Fprintf(a.env.Out, format, values...)
	return err
}

func (a *app) printJSON(v any) error {
	line, err := jsonLine(v)
	if err != nil {
		return err
	}
	_, err = a.env.Out.Write(line)
	return err
}

func jsonLine(v any) ([]byte, error) {
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	return line.Bytes(), err
}

// table is columns of text, each as wide as its widest cell. A column whose
// title begins with ">" is flush right.
type table struct {
	titles []string
	rows   [][]string
}

func newTable(titles ...string) *table { return &table{titles: titles} }

func (t *table) add(cells ...any) {
	row := make([]string, len(cells))
	for i, cell := range cells {
		row[i] = printable(fmt.Sprint(cell))
	}
	t.rows = append(t.rows, row)
}

// String returns the table, or what to say when it is empty.
func (t *table) String() string {
	if len(t.rows) == 0 {
		return "There are none.\n"
	}
	titles := make([]string, len(t.titles))
	widths := make([]int, len(t.titles))
	for i, title := range t.titles {
		titles[i] = strings.ToUpper(strings.TrimPrefix(title, ">"))
	}
	lines := append([][]string{titles}, t.rows...)
	for _, row := range lines {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	for _, row := range lines {
		var line strings.Builder
		for i, cell := range row {
			space := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if strings.HasPrefix(t.titles[i], ">") {
				line.WriteString(space + cell + "  ")
			} else {
				line.WriteString(cell + space + "  ")
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return b.String()
}

// facts is a list of names and values.
type facts struct{ table }

func newFacts() *facts { return &facts{table{titles: []string{"", ""}}} }

// add leaves out what is empty.
func (f *facts) add(name string, value any) *facts {
	if text := printable(fmt.Sprint(value)); text != "" {
		f.rows = append(f.rows, []string{name, text})
	}
	return f
}

// String returns a line for each fact, indented.
func (f *facts) String() string {
	width := 0
	for _, row := range f.rows {
		width = max(width, utf8.RuneCountInString(row[0]))
	}
	var b strings.Builder
	for _, row := range f.rows {
		fmt.Fprintf(&b, "  %-*s  %s\n", width, row[0], row[1])
	}
	return b.String()
}

// printable keeps what others have written from commanding a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' || unicode.Is(unicode.Bidi_Control, r) {
			return -1
		}
		return r
	}, s)
}

func amount(m *typev1.Money) string {
	if m == nil {
		return ""
	}
	return money.Format(m.GetCurrency(), m.GetMinor())
}

func amounts(list []*typev1.Money) string {
	texts := make([]string, len(list))
	for i, m := range list {
		texts[i] = amount(m)
	}
	return strings.Join(texts, ", ")
}

// when is empty for a time that is not there; times are in the zone of the
// program's clock.
func (a *app) when(t *timestamppb.Timestamp) string {
	if t == nil {
		return ""
	}
	return a.at(t.AsTime())
}

func (a *app) at(t time.Time) string { return t.In(a.env.Now().Location()).Format(timeForm) }

// word is an enumeration's value as people say it: "CAMPAIGN_STATUS_ACTIVE" is
// active.
func word(value fmt.Stringer, prefix string) string {
	return strings.ToLower(strings.TrimPrefix(value.String(), prefix))
}
