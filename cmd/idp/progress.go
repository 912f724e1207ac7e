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

// plainInterval is how often progress is told of where there is no terminal.
const plainInterval = 10 * time.Second

// progress shows how far something long has come: by a bar on a terminal, else by a line
// now and then.
type progress struct {
	w     io.Writer
	size  int64 // in bytes or rows, -1 if it is not known
	quiet bool
	bar   *progressbar.ProgressBar

	began, told time.Time
}

func newProgress(w io.Writer, size int64, quiet bool) *progress {
	p := &progress{w: w, size: size, quiet: quiet, began: time.Now(), told: time.Now()}

	file, ok := w.(*os.File)
	if !quiet && ok && term.IsTerminal(int(file.Fd())) {
		p.bar = progressbar.NewOptions64(size,
			progressbar.OptionSetWriter(w), progressbar.OptionSetWidth(30), progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionSetPredictTime(true), progressbar.OptionSetElapsedTime(true), progressbar.OptionUseANSICodes(true))
	}

	return p
}

// show is told after each batch of an import.
func (p *progress) show(state consumerfile.State) {
	rate := float64(state.Lines-state.Resumed) / max(time.Since(p.began).Seconds(), 1e-3)
	text := fmt.Sprintf("%d lines, %.0f a second", state.Lines, rate)

	if state.Refused > 0 {
		text += fmt.Sprintf(", %d refused", state.Refused)
	}

	p.draw(text, state.ReadBytes)
}

// draw shows a text beside how much of size is done.
func (p *progress) draw(text string, size int64) {
	if p.quiet {
		return
	}

	if p.bar != nil {
		p.bar.Describe(text)
		_ = p.bar.Set64(size) // what cannot be drawn is not worth an end

		return
	}

	if time.Since(p.told) < plainInterval {
		return
	}

	p.told = time.Now()

	if p.size > 0 && size > 0 {
		done := float64(size) / float64(p.size)
		text += fmt.Sprintf(", %.0f%%, about %s left", 100*done, roughly(time.Since(p.began).Seconds()*(1-done)/done))
	}

	fmt.Fprintln(p.w, text)
}

// end leaves the bar as it is.
func (p *progress) end() {
	if p.bar != nil {
		_ = p.bar.Exit() // as above
		fmt.Fprintln(p.w)
	}
}
