package op_test

import "slices"

// A plan is one of the conformance suite's, with the modules that it runs for each
// response type. Each has a method of profile, found by the module's name.
type plan struct {
	name          string
	formPost      bool
	responseTypes []string
	modules       []module
}

// A module is one of a plan; only are the response types that it runs for, all of
// the plan's if there are none, and why is the reason for which it does not apply.
type module struct {
	name string
	only []string
	why  string
}

// modules makes those that run for every response type.
func modules(names ...string) []module {
	var all []module
	for _, name := range names {
		all = append(all, module{name: name})
	}
	return all
}

var (
	basicTypes    = []string{"code"}
	implicitTypes = []string{"id_token", "id_token token"}
	hybridTypes   = []string{"code id_token", "code token", "code id_token token"}
)

// plans are those of the certification profiles of an OpenID Provider.
var plans = []plan{
	{"oidcc-basic-certification-test-plan", false, basicTypes, basicModules},
	{"oidcc-implicit-certification-test-plan", false, implicitTypes, implicitModules},
	{"oidcc-hybrid-certification-test-plan", false, hybridTypes, hybridModules},
	{"oidcc-formpost-basic-certification-test-plan", true, basicTypes, basicModules},
	{"oidcc-formpost-implicit-certification-test-plan", true, implicitTypes, implicitModules},
	{"oidcc-formpost-hybrid-certification-test-plan", true, hybridTypes, hybridModules},
	{"oidcc-config-certification-test-plan", false, basicTypes, modules("oidcc-discovery-endpoint-verification")},
	{"oidcc-rp-initiated-logout-certification-test-plan", false, basicTypes, modules(
		"oidcc-rp-initiated-logout-discovery-endpoint-verification",
		"oidcc-rp-initiated-logout",
		"oidcc-rp-initiated-logout-bad-post-logout-redirect-uri",
		"oidcc-rp-initiated-logout-modified-id-token-hint",
		"oidcc-rp-initiated-logout-bad-id-token-hint",
		"oidcc-rp-initiated-logout-no-id-token-hint",
		"oidcc-rp-initiated-logout-no-params",
		"oidcc-rp-initiated-logout-no-post-logout-redirect-uri",
		"oidcc-rp-initiated-logout-no-state",
		"oidcc-rp-initiated-logout-only-state",
		"oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri",
	)},
	{"oidcc-backchannel-rp-initiated-logout-certification-test-plan", false, basicTypes, modules(
		"oidcc-backchannel-logout-discovery-endpoint-verification",
		"oidcc-backchannel-rp-initiated-logout",
	)},
}

var commonModules = modules(
	"oidcc-server",
	"oidcc-idtoken-signature",
	"oidcc-scope-profile",
	"oidcc-scope-email",
	"oidcc-scope-address",
	"oidcc-scope-phone",
	"oidcc-scope-all",
	"oidcc-alternate-happy-flow",
	"oidcc-display-page",
	"oidcc-display-popup",
	"oidcc-prompt-login",
	"oidcc-prompt-none-not-logged-in",
	"oidcc-prompt-none-logged-in",
	"oidcc-max-age-1",
	"oidcc-max-age-10000",
	"oidcc-ensure-request-with-unknown-parameter-succeeds",
	"oidcc-id-token-hint",
	"oidcc-login-hint",
	"oidcc-ui-locales",
	"oidcc-claims-locales",
	"oidcc-ensure-request-with-acr-values-succeeds",
	"oidcc-ensure-registered-redirect-uri",
	"oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported",
	"oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported",
	"oidcc-ensure-request-object-with-redirect-uri",
	"oidcc-claims-essential",
)

// codeModules are those of responses with a code.
var codeModules = modules(
	"oidcc-response-type-missing",
	"oidcc-userinfo-get",
	"oidcc-userinfo-post-header",
	"oidcc-userinfo-post-body",
	"oidcc-codereuse",
	"oidcc-codereuse-30seconds",
	"oidcc-server-client-secret-post",
	"oidcc-refresh-token",
	"oidcc-ensure-request-with-valid-pkce-succeeds",
)

var (
	basicModules = slices.Concat(commonModules, codeModules, []module{
		{name: "oidcc-idtoken-unsigned", why: "no client can register `none`, and discovery does not announce it"},
		{name: "oidcc-ensure-request-without-nonce-succeeds-for-code-flow"},
		{name: "oidcc-ensure-post-request-succeeds"},
	})
	implicitModules = slices.Concat(commonModules, []module{
		{name: "oidcc-ensure-request-without-nonce-fails"},
		{name: "oidcc-response-type-missing", only: []string{"id_token token"}},
		{name: "oidcc-userinfo-get", only: []string{"id_token token"}},
		{name: "oidcc-userinfo-post-header", only: []string{"id_token token"}},
		{name: "oidcc-userinfo-post-body", only: []string{"id_token token"}},
	})
	hybridModules = slices.Concat(commonModules, codeModules, []module{
		{name: "oidcc-ensure-request-without-nonce-succeeds-for-code-flow", only: []string{"code token"}},
		{name: "oidcc-ensure-request-without-nonce-fails", only: []string{"code id_token", "code id_token token"}},
	})
)

func (m module) runsFor(responseType string) bool {
	return len(m.only) == 0 || slices.Contains(m.only, responseType)
}
