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

// progress shows how far something long has come: by a bar on a terminal, else by a line
// now and then.
type progress struct {
	w     io.Writer
	size  int64 // in bytes or rows, -1 if it is not known
	quiet bool
	bar   *progressbar.ProgressBar

	began, told time.Time
	text        string // of the last batch, with how much was done by then
	done        int64
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

// show is told after each batch of an import.
func (p *progress) show(state consumerfile.State) {
	rate := float64(state.Lines-state.Resumed) / max(time.Since(p.began).Seconds(), 1e-3)
	text := fmt.Sprintf("%d lines, %.0f a second", state.Lines, rate)

	if state.Refused > 0 {
		text += fmt.Sprintf(", %d refused", state.Refused)
	}

	p.tell(text, state.ReadBytes)
}

// tell is told a text beside how much of size is done.
func (p *progress) tell(text string, done int64) {
	if p.quiet {
		return
	}

	interval := plainInterval
	if p.bar != nil {
		interval = barInterval
	}

	if p.text, p.done = text, done; time.Since(p.told) < interval {
		return
	}

	p.told = time.Now()

	if p.bar != nil {
		// Once it is full it stays as it is, and the last of what is done is read before it
		// is written.
		if p.size > 0 {
			done = min(done, p.size-1)
		}

		p.draw(done)

		return
	}

	if p.size > 0 && done > 0 {
		part := float64(done) / float64(p.size)
		text += fmt.Sprintf(", %.0f%%, about %s left", 100*part, roughly(time.Since(p.began).Seconds()*(1-part)/part))
	}

	fmt.Fprintln(p.w, text)
}

func (p *progress) draw(done int64) {
	p.bar.Describe(p.text)
	_ = p.bar.Set64(done) // what cannot be drawn is not worth an end
}

// end leaves the bar as it is after the last batch.
func (p *progress) end() {
	if p.bar != nil {
		p.draw(p.done)
		_ = p.bar.Exit() // as above
		fmt.Fprintln(p.w)
	}
}
