package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/brandidp/idp/op/consumerfile"
)

// plainInterval is how often progress is told of where there is no terminal, and
// barInterval where there is one.
const (
	plainInterval = 10 * time.Second
	barInterval   = 100 * time.Millisecond
)

// progress shows how far an import has come: by a bar on a terminal, else by a line
// now and then.
type progress struct {
	w     io.Writer
	size  int64 // in bytes, -1 if it is not known
	quiet bool
	bar   *progressbar.ProgressBar

	began, told time.Time
	last        consumerfile.State
}

func newProgress(w io.Writer, size int64, quiet bool) *progress {
	p := &progress{w: w, size: size, quiet: quiet, began: time.Now(), told: time.Now()}

	file, ok := w.(*os.File)
	if !quiet && ok && term.IsTerminal(int(file.Fd())) {
		p.bar = newBar(w, size)
	}

	return p
}

// newBar makes a bar that is drawn at each change: its text and its length change one
// after the other, so its own throttle would leave one of them behind.
func newBar(w io.Writer, size int64) *progressbar.ProgressBar {
	return progressbar.NewOptions64(size,
		progressbar.OptionSetWriter(w), progressbar.OptionSetWidth(30),
		progressbar.OptionSetPredictTime(true), progressbar.OptionSetElapsedTime(true), progressbar.OptionUseANSICodes(true))
}

// show is told after each batch.
func (p *progress) show(state consumerfile.State) {
	if p.quiet {
		return
	}

	interval := plainInterval
	if p.bar != nil {
		interval = barInterval
	}

	if p.last = state; time.Since(p.told) < interval {
		return
	}

	p.told = time.Now()
	text := p.text(state)

	if p.bar != nil {
		// Once it is full it stays as it is, and the last lines are read before they are
		// written.
		read := state.ReadBytes
		if p.size > 0 {
			read = min(read, p.size-1)
		}

		p.draw(text, read)

		return
	}

	if p.size > 0 && state.ReadBytes > 0 {
		done := float64(state.ReadBytes) / float64(p.size)
		text += fmt.Sprintf(", %.0f%%, about %s left", 100*done, roughly(time.Since(p.began).Seconds()*(1-done)/done))
	}

	fmt.Fprintln(p.w, text)
}

// text says how far the import has come.
func (p *progress) text(state consumerfile.State) string {
	rate := float64(state.Lines-state.Resumed) / max(time.Since(p.began).Seconds(), 1e-3)
	text := fmt.Sprintf("%d lines, %.0f a second", state.Lines, rate)

	if state.Refused > 0 {
		text += fmt.Sprintf(", %d refused", state.Refused)
	}

	return text
}

func (p *progress) draw(text string, read int64) {
	p.bar.Describe(text)
	_ = p.bar.Set64(read) // what cannot be drawn is not worth an end
}

// end leaves the bar as it is after the last batch.
func (p *progress) end() {
	if p.bar != nil {
		p.draw(p.text(p.last), p.last.ReadBytes)
		_ = p.bar.Exit() // as above
		fmt.Fprintln(p.w)
	}
}
