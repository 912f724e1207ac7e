package e2e_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The page script and its declarations, checked as strictly as TypeScript can,
// and a brand's page that is written against the declarations.
func TestTypeScript(t *testing.T) {
	t.Parallel()
	needModule(t, "typescript")
	check := func(files ...string) (string, error) {
		args := []string{
			"node_modules/typescript/bin/tsc", "--noEmit", "--strict", "--noUnusedLocals", "--noUnusedParameters", "--noImplicitReturns",
			"--exactOptionalPropertyTypes", "--checkJs", "--allowJs", "--ignoreConfig", "--skipDefaultLibCheck", "--target", "es2020", "--lib", "es2020,dom",
		}
		out, err := exec.CommandContext(t.Context(), needNode(t), append(args, files...)...).CombinedOutput()
		return string(out), err
	}
	const script, declarations = "../script/token-source.js", "../script/token-source.d.ts"
	if out, err := check("../script/config.d.ts", declarations, script); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	folder := t.TempDir()
	page := func(name string, lines ...string) string {
		path := filepath.Join(folder, name+".ts")
		if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	pages := []string{declarations, page("right",
		`interface Window { chatToken?: TokenSource.Method }`,
		`const sso = (token: string | TokenSource.Code): string => typeof token === "string" ? token : token.ssoKey;`,
		`window.lpGetAuthenticationToken?.((token, reason) => { if (!reason) { sso(token); } });`,
		`window.chatToken?.popup((token: string | TokenSource.Code) => sso(token), "challenge");`,
	)}
	wrong := map[string]string{
		"no callback":              `window.lpGetAuthenticationToken?.();`,
		"a token is no text alone": `window.lpGetAuthenticationToken?.((token: string) => token);`,
		"a challenge is a text":    `window.lpGetAuthenticationToken?.popup(() => {}, 1);`,
		"it may be missing":        `window.lpGetAuthenticationToken(() => {});`,
	}
	for name, line := range wrong {
		pages = append(pages, page(name, line))
	}
	// Together, since most of the work is to read what a browser declares.
	out, err := check(pages...)
	if err == nil || strings.Contains(out, "right.ts") || strings.Contains(out, "token-source") {
		t.Errorf("%v\n%s", err, out)
	}
	for name := range wrong {
		if !strings.Contains(out, name+".ts") {
			t.Errorf("%s: accepted\n%s", name, out)
		}
	}
}
