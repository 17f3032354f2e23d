// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"image/color"
	"path/filepath"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
)

// Sizes of charts: those with bars grow with their number.
const (
	width, height = 24 * vg.Centimeter, 14 * vg.Centimeter
	bar, barSpace = 0.5 * vg.Centimeter, 0.9 * vg.Centimeter
)

// palette tells lines and parts of bars from each other.
var palette = []color.Color{
	color.RGBA{0x1f, 0x77, 0xb4, 0xff}, color.RGBA{0xff, 0x7f, 0x0e, 0xff}, color.RGBA{0x2c, 0xa0, 0x2c, 0xff},
	color.RGBA{0xd6, 0x27, 0x28, 0xff}, color.RGBA{0x94, 0x67, 0xbd, 0xff}, color.RGBA{0x8c, 0x56, 0x4b, 0xff},
	color.RGBA{0xe3, 0x77, 0xc2, 0xff}, color.RGBA{0x7f, 0x7f, 0x7f, 0xff}, color.RGBA{0xbc, 0xbd, 0x22, 0xff},
}

// Draw writes charts of the report as SVG into a directory, and returns their
// paths: what was done in a second, how long it took, how that went over time, and
// what kept the processors busy. A chart that nothing was measured for is left
// out.
func (r *Report) Draw(dir string) ([]string, error) {
	heads := r.headlines()
	if len(heads) == 0 {
		return nil, nil
	}
	tall := barSpace*vg.Length(len(heads)) + 4*vg.Centimeter
	var paths []string
	for _, chart := range []struct {
		name   string
		height vg.Length
		make   func([]Load) (*plot.Plot, bool, error)
	}{
		{"rates", tall, r.rates},
		{"latency", height, r.latencies},
		{"course", height, r.course},
		{"late", height, r.late},
		{"processors", tall + vg.Length(len(r.groups()))*vg.Centimeter/2, r.processors},
	} {
		p, found, err := chart.make(heads)
		if err == nil && found {
			path := filepath.Join(dir, r.name()+"-"+chart.name+".svg")
			paths, err = append(paths, path), p.Save(width, chart.height, path)
		}
		if err != nil {
			return paths, fmt.Errorf("drawing %s: %w", chart.name, err)
		}
	}
	return paths, nil
}

// headlines are the loads that say most: of each part and name the last one, or
// the best where no rate was offered; rates that were only tried are left out.
func (r *Report) headlines() []Load {
	var heads []Load
	for _, l := range r.Loads {
		if l.Trial {
			continue
		}
		same := slices.IndexFunc(heads, func(h Load) bool { return h.Part == l.Part && h.Name == l.Name })
		switch {
		case same < 0:
			heads = append(heads, l)
		case l.Offered > 0 || l.PerSecond > heads[same].PerSecond:
			heads[same] = l
		}
	}
	return heads
}

func (l Load) title() string { return l.Part + ": " + l.Name }

func (r *Report) titled(title, x, y string) *plot.Plot {
	p := plot.New()
	p.Title.Text = fmt.Sprintf("%s (%s, commit %s, %d cores)", title, r.Began.Format("2 January 2006"), r.Commit, r.Machine.Cores)
	p.X.Label.Text, p.Y.Label.Text = x, y
	return p
}

func (r *Report) rates(heads []Load) (*plot.Plot, bool, error) {
	p := r.titled("Done in a second", "coupons, rows, keys or transactions in a second", "")
	values, names := make(plotter.Values, len(heads)), make([]string, len(heads))
	for i, l := range heads {
		at := len(heads) - 1 - i // from the top
		values[at], names[at] = l.PerSecond, fmt.Sprintf("%s  %.0f", l.title(), l.PerSecond)
	}
	bars, err := plotter.NewBarChart(values, bar)
	if err != nil {
		return nil, false, err
	}
	bars.Horizontal, bars.Color = true, palette[0]
	bars.LineStyle.Width = 0
	p.Add(plotter.NewGrid(), bars)
	p.NominalY(names...)
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, p.X.Max*1.05, -1, float64(len(heads))
	return p, true, nil
}

func (r *Report) latencies(heads []Load) (*plot.Plot, bool, error) {
	p := r.titled("How long a request took, waiting included", "per cent of the requests", "milliseconds")
	p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	crowds := func(l Load) bool { return l.Offered == 0 && l.InFlight > 1 }
	return r.lines(p, slices.DeleteFunc(slices.Clone(heads), crowds), func(l Load) plotter.XYs {
		var points plotter.XYs
		for i, took := range l.Curve {
			if took > 0 {
				points = append(points, plotter.XY{X: float64(i + 1), Y: took})
			}
		}
		return points
	})
}

func (r *Report) course(heads []Load) (*plot.Plot, bool, error) {
	p := r.titled("Done in each second", "seconds", "done in the second")
	p.Y.Min = 0
	return r.lines(p, offered(heads), func(l Load) plotter.XYs {
		var points plotter.XYs
		for i, done := range l.DoneInSecond {
			points = append(points, plotter.XY{X: float64(i), Y: float64(done)})
		}
		return points
	})
}

func (r *Report) late(heads []Load) (*plot.Plot, bool, error) {
	p := r.titled("99 % of what fell due in each second were done within", "seconds", "milliseconds")
	p.Y.Min = 0
	return r.lines(p, offered(heads), func(l Load) plotter.XYs {
		var points plotter.XYs
		for i, late := range l.LateInSecond {
			if late > 0 {
				points = append(points, plotter.XY{X: float64(i), Y: late})
			}
		}
		return points
	})
}

// offered are the loads of open loops.
func offered(heads []Load) []Load {
	return slices.DeleteFunc(slices.Clone(heads), func(l Load) bool { return l.Offered == 0 })
}

// lines draws a line for each load that has points.
func (r *Report) lines(p *plot.Plot, heads []Load, points func(Load) plotter.XYs) (*plot.Plot, bool, error) {
	p.Add(plotter.NewGrid())
	p.Legend.Top = true
	drawn := 0
	for _, l := range heads {
		xys := points(l)
		if len(xys) < 2 {
			continue
		}
		line, err := plotter.NewLine(xys)
		if err != nil {
			return nil, false, err
		}
		line.Color, line.Width = palette[drawn%len(palette)], vg.Points(1.5)
		line.Dashes = plotDashes(drawn / len(palette))
		p.Add(line)
		p.Legend.Add(l.title(), line)
		drawn++
	}
	// The legend has the room to the right of the lines.
	last := p.X.Max
	p.X.Max += 0.4 * (last - p.X.Min)
	p.X.Tick.Marker = plot.TickerFunc(func(from, until float64) []plot.Tick {
		return slices.DeleteFunc(plot.DefaultTicks{}.Ticks(from, until), func(t plot.Tick) bool { return t.Value > last })
	})
	return p, drawn > 0, nil
}

// plotDashes tells lines of one colour from each other.
func plotDashes(round int) []vg.Length {
	if round == 0 {
		return nil
	}
	return []vg.Length{vg.Points(float64(2 * round)), vg.Points(2)}
}

func (r *Report) processors(heads []Load) (*plot.Plot, bool, error) {
	heads = slices.DeleteFunc(slices.Clone(heads), func(l Load) bool { return len(l.Cores) == 0 })
	if len(heads) == 0 {
		return nil, false, nil
	}
	p := r.titled("Processors busy", "cores", "")
	names := make([]string, len(heads))
	for i, l := range heads {
		names[len(heads)-1-i] = l.title()
	}
	p.Add(plotter.NewGrid())
	var below *plotter.BarChart
	for n, group := range r.groups() {
		values := make(plotter.Values, len(heads))
		for i, l := range heads {
			values[len(heads)-1-i] = l.Cores[group]
		}
		bars, err := plotter.NewBarChart(values, bar)
		if err != nil {
			return nil, false, err
		}
		bars.Horizontal, bars.Color = true, palette[n%len(palette)]
		bars.LineStyle.Width = 0
		if below != nil {
			bars.StackOn(below)
		}
		below = bars
		p.Add(bars)
		p.Legend.Add(group, bars)
	}
	p.NominalY(names...)
	p.X.Min, p.X.Max = 0, float64(r.Machine.Cores)
	p.Legend.Top = true
	// The legend has the room above the bars.
	p.Y.Min, p.Y.Max = -1, float64(len(heads))+float64(len(r.groups()))/2
	return p, true, nil
}
