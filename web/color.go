package web

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// color is an opaque sRGB colour.
type color struct{ r, g, b uint8 }

var (
	white = color{255, 255, 255}
	black = color{0, 0, 0}
)

var errColor = errors.New("want a colour as #rgb or #rrggbb")

// parseColor reads #rgb or #rrggbb, the two forms of CSS without alpha.
func parseColor(s string) (color, error) {
	digits, ok := strings.CutPrefix(s, "#")
	if ok && len(digits) == 3 {
		d := digits
		digits = string([]byte{d[0], d[0], d[1], d[1], d[2], d[2]})
	}
	if !ok || len(digits) != 6 {
		return color{}, errColor
	}
	n, err := strconv.ParseUint(digits, 16, 24)
	if err != nil {
		return color{}, errColor
	}
	return color{uint8(n >> 16 & 0xff), uint8(n >> 8 & 0xff), uint8(n & 0xff)}, nil
}

// String is the CSS form, #rrggbb.
func (c color) String() string { return fmt.Sprintf("#%02x%02x%02x", c.r, c.g, c.b) }

// luminance is the relative luminance of WCAG 2.2, from 0 to 1.
func (c color) luminance() float64 {
	linear := func(v uint8) float64 {
		s := float64(v) / 255
		if s <= 0.04045 {
			return s / 12.92
		}
		return math.Pow((s+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(c.r) + 0.7152*linear(c.g) + 0.0722*linear(c.b)
}

// contrast is the contrast ratio of WCAG 2.2, from 1 to 21.
func contrast(a, b color) float64 {
	la, lb := a.luminance(), b.luminance()
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

// mix moves c towards other by share, from 0 to 1.
func (c color) mix(other color, share float64) color {
	blend := func(from, to uint8) uint8 {
		return uint8(math.Round(float64(from) + (float64(to)-float64(from))*share))
	}
	return color{blend(c.r, other.r), blend(c.g, other.g), blend(c.b, other.b)}
}

// on returns preferred if text of that colour is readable on background, else
// black or white, one of which always is.
func on(background, preferred color) color {
	switch {
	case contrast(background, preferred) >= textContrast:
		return preferred
	case contrast(background, white) >= textContrast:
		return white
	default:
		return black
	}
}

// strengthen returns the colour nearest to c, on its way to black or white,
// that has at least the wanted contrast with the background. It keeps the hue
// of a brand whose own colour is too weak.
func strengthen(c, background color, wanted float64) color {
	end := on(background, black)
	for share := 0.0; share < 1; share += 0.02 {
		if candidate := c.mix(end, share); contrast(candidate, background) >= wanted {
			return candidate
		}
	}
	return end
}
