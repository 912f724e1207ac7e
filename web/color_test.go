package web

import (
	"math"
	"testing"
)

func TestParseColor(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"#1f5fbf": "#1f5fbf", "#ABCDEF": "#abcdef", "#0f8": "#00ff88", "#000000": "#000000",
	} {
		got, err := parseColor(in)
		if err != nil || got.String() != want {
			t.Errorf("parseColor(%q) = %s, %v; want %s", in, got, err, want)
		}
	}
	for _, in := range []string{"", "#", "red", "1f5fbf", "#12", "#12345", "#1234567", "#12345g", "#+12345", "#ff é", "#é1", "rgb(0,0,0)"} {
		if got, err := parseColor(in); err == nil {
			t.Errorf("parseColor(%q) = %s, want an error", in, got)
		}
	}
}

func TestContrastIsThatOfWCAG(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want float64
	}{
		{"#000", "#fff", 21}, {"#fff", "#fff", 1}, {"#767676", "#fff", 4.54}, {"#fff", "#0000ff", 8.59}, {"#ff0000", "#fff", 4.00},
	} {
		a, _ := parseColor(c.a)
		b, _ := parseColor(c.b)
		if got := contrast(a, b); math.Abs(got-c.want) > 0.01 {
			t.Errorf("contrast(%s, %s) = %.3f, want %.2f", a, b, got, c.want)
		}
	}
}

// TestEveryBrandIsReadable asks of brands all over the colour space what WCAG
// 2.2 asks of a page.
func TestEveryBrandIsReadable(t *testing.T) {
	t.Parallel()
	steps := []uint8{0, 85, 170, 255}
	var cube []color
	for _, r := range steps {
		for _, g := range steps {
			for _, b := range steps {
				cube = append(cube, color{r, g, b})
			}
		}
	}
	for _, primary := range cube {
		for _, background := range cube {
			for scheme, p := range map[string]palette{
				"light": lightPalette(primary, background),
				"dark":  darkPalette(primary, background),
			} {
				for _, pair := range []struct {
					what        string
					front, back color
					least       float64
				}{
					{"text on the card", p.text, p.surface, textContrast},
					{"muted text on the card", p.muted, p.surface, textContrast},
					{"link on the card", p.link, p.surface, textContrast},
					{"button's text", p.onAccent, p.accent, textContrast},
					{"brand's name on the page", p.onPage, p.page, textContrast},
					{"message", p.alarm, p.alarmBack, textContrast},
					{"edge of a field", p.edge, p.surface, edgeContrast},
					{"edge of a wrong field", p.alarm, p.surface, edgeContrast},
					{"edge of the button", p.accentEdge, p.surface, edgeContrast},
				} {
					if got := contrast(pair.front, pair.back); got < pair.least {
						t.Fatalf("primary %s, background %s, %s: %s is %s on %s, contrast %.2f, want %.1f",
							primary, background, scheme, pair.what, pair.front, pair.back, got, pair.least)
					}
				}
			}
		}
	}
}

func TestStrongColorsStayAsTheyAre(t *testing.T) {
	t.Parallel()
	navy := color{0x10, 0x20, 0x60}
	if got := strengthen(navy, white, textContrast); got != navy {
		t.Errorf("strengthen(%s) on white = %s, want it unchanged", navy, got)
	}
}
