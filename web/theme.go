package web

import (
	"fmt"
	"strings"
)

// The least contrasts of WCAG 2.2: text (1.4.3) and the edges of controls and
// the focus ring (1.4.11, 2.4.13).
const (
	textContrast = 4.5
	edgeContrast = 3.0
)

// The colours of a brand that names none.
const (
	defaultPrimaryColor    = "#1f5fbf"
	defaultBackgroundColor = "#f3f5f8"
)

// palette holds every colour of the stylesheet for one colour scheme. The
// names are those of the CSS custom properties.
type palette struct {
	page, onPage     color // around the card
	surface          color // the card
	text, muted      color
	line, edge       color // separators; borders of fields
	accent, onAccent color // the main button
	accentEdge, link color // its border and the focus ring; links
	alarm, alarmBack color // the message
	plate            color // behind the logo
}

// lightPalette lays a white card on the brand's background.
func lightPalette(primary, background color) palette {
	p := palette{
		page:      background,
		surface:   white,
		text:      color{0x1a, 0x1d, 0x21},
		muted:     color{0x57, 0x5e, 0x68},
		line:      color{0xe1, 0xe4, 0xe8},
		edge:      color{0x83, 0x8b, 0x95},
		alarm:     color{0x9b, 0x1c, 0x1c},
		alarmBack: color{0xfd, 0xee, 0xec},
		plate:     background,
	}
	return p.withBrand(primary)
}

// lightestDark is the contrast with white from which on a brand's background
// is dark enough to be the page of the dark scheme too.
const lightestDark = 14

// darkPalette stays close to the brand's background if that is dark. The logo
// keeps the background it was drawn for.
func darkPalette(primary, background color) palette {
	page := color{0x12, 0x14, 0x18}
	if contrast(background, white) >= lightestDark {
		page = background
	}
	surface := page.mix(white, 0.06)
	p := palette{
		page:      page,
		surface:   surface,
		text:      color{0xec, 0xee, 0xf0},
		muted:     strengthen(color{0xa6, 0xae, 0xb8}, surface, textContrast),
		line:      surface.mix(white, 0.14),
		edge:      strengthen(color{0x7d, 0x86, 0x91}, surface, edgeContrast),
		alarm:     color{0xff, 0xc4, 0xbc},
		alarmBack: color{0x48, 0x1a, 0x18},
		plate:     background,
	}
	return p.withBrand(primary)
}

// withBrand fills in what depends on the primary colour. The button keeps that
// colour whatever it is; its text is black or white and its edge, the links and
// the focus ring are strengthened where the colour alone would not be seen.
func (p palette) withBrand(primary color) palette {
	p.onPage = on(p.page, p.text)
	p.accent = primary
	p.onAccent = on(primary, white)
	p.accentEdge = strengthen(primary, p.surface, edgeContrast)
	p.link = strengthen(primary, p.surface, textContrast)
	return p
}

// css writes the palette as custom properties of the root element.
func (p palette) css() string {
	var b strings.Builder
	b.WriteString(":root{")
	for _, property := range []struct {
		name  string
		value color
	}{
		{"page", p.page},
		{"on-page", p.onPage},
		{"surface", p.surface},
		{"text", p.text},
		{"muted", p.muted},
		{"line", p.line},
		{"edge", p.edge},
		{"accent", p.accent},
		{"on-accent", p.onAccent},
		{"accent-edge", p.accentEdge},
		{"link", p.link},
		{"alarm", p.alarm},
		{"alarm-back", p.alarmBack},
		{"plate", p.plate},
	} {
		fmt.Fprintf(&b, "--%s:%s;", property.name, property.value)
	}
	b.WriteString("}\n")
	return b.String()
}

// theme is a brand's pair of palettes.
type theme struct{ light, dark palette }

// newTheme reads a brand's colours; empty ones have defaults.
func newTheme(primary, background string) (theme, error) {
	parse := func(field, value, fallback string) (color, error) {
		if value == "" {
			value = fallback
		}
		c, err := parseColor(value)
		if err != nil {
			return color{}, fmt.Errorf("brand %s %q: %w", field, value, err)
		}
		return c, nil
	}
	p, err := parse("primary colour", primary, defaultPrimaryColor)
	if err != nil {
		return theme{}, err
	}
	b, err := parse("background colour", background, defaultBackgroundColor)
	if err != nil {
		return theme{}, err
	}
	return theme{light: lightPalette(p, b), dark: darkPalette(p, b)}, nil
}

// css is the head of the stylesheet: the colours of both schemes.
func (t theme) css() string {
	return t.light.css() + "@media (prefers-color-scheme:dark){" + t.dark.css() + "}\n"
}
