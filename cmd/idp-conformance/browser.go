package main

// visit is what the suite's browser does from an address on that a test sends it
// to: the first whose pattern the address matches.
type visit struct {
	Match string `json:"match"`
	Tasks []task `json:"tasks"`
}

// task is what it does on one page. An optional one is left out if the page has
// another address; any other fails the test then.
type task struct {
	Task     string  `json:"task"`
	Match    string  `json:"match"`
	Optional bool    `json:"optional,omitempty"`
	Commands [][]any `json:"commands,omitempty"`
}

const (
	patience = 30 // seconds that a page may take, on a busy machine
	optional = "optional"
	anything = `\S`
	// screenshot keeps the page for the test's placeholder, and fails without one.
	screenshot = "update-image-placeholder"
	// screenshotIfAsked keeps it only if the test has a placeholder by then: those that
	// have somebody sign in twice want the second page.
	screenshotIfAsked = screenshot + "-optional"
)

// pages knows our pages, and what is to be done on them. Elements are found by their ids,
// which have the same meaning in every language.
type pages struct {
	opts     options
	password string
}

func (p pages) authorizeAddress() string { return p.opts.issuer + "/authorize*" }

func (p pages) endSessionAddress() string { return p.opts.issuer + "/end_session*" }

func (p pages) anyAddress() string { return p.opts.issuer + "/*" }

// authorize is a whole authorization: sign in unless somebody is, allow what is
// asked, and go back. first is done on the sign-in page before.
func (p pages) authorize(first ...[]any) visit {
	return visit{p.authorizeAddress(), []task{
		{Task: "Sign in", Match: p.authorizeAddress(), Optional: true, Commands: append(first,
			[]any{"text", "id", "username", username, optional},
			[]any{"text", "id", "password", p.password, optional},
			[]any{"click", "id", "submit", optional},
		)},
		{Task: "Allow", Match: p.anyAddress(), Optional: true, Commands: [][]any{{"click", "id", "allow", optional}}},
		p.goBack(),
		{Task: "Arrive", Match: p.opts.at("callback*"), Commands: [][]any{{"wait", "id", "submission_complete", patience}}},
	}}
}

// goBack leaves the page that leads back to the suite, in a browser that has not left it by
// itself.
func (p pages) goBack() task {
	return task{Task: "Go back", Match: p.anyAddress(), Optional: true, Commands: [][]any{
		{"click", "id", "continue", optional},
		{"wait", "contains", "/test/", patience},
	}}
}

// refuse is an authorization request that gets an error page at once, with the code.
func (p pages) refuse(code string) visit {
	return visit{p.authorizeAddress(), []task{
		{Task: "See the error page", Match: p.authorizeAddress(), Commands: [][]any{
			{"wait", "id", "error", patience, code, screenshot},
		}},
	}}
}

// signOutAndReturn is a sign-out that leads back to the suite, whether or not we
// ask first.
func (p pages) signOutAndReturn() visit {
	return visit{p.endSessionAddress(), []task{
		{Task: "Confirm", Match: p.endSessionAddress(), Optional: true, Commands: [][]any{{"click", "id", "confirm", optional}}},
		p.goBack(),
		{Task: "Arrive", Match: p.opts.at("post_logout_redirect*")},
	}}
}

// refuseToSignOut is a sign-out that leads nowhere: the page asks the person, and says
// what is wrong with the request.
func (p pages) refuseToSignOut() visit {
	return visit{p.endSessionAddress(), []task{
		{Task: "See that it is not done", Match: p.endSessionAddress(), Commands: [][]any{
			{"wait", "id", "error", patience, "invalid_request", screenshot},
		}},
	}}
}

// signOut is a sign-out that ends on our page that says so.
func (p pages) signOut() visit {
	return visit{p.endSessionAddress(), []task{
		{Task: "Confirm", Match: p.endSessionAddress(), Commands: [][]any{{"click", "id", "confirm", optional}}},
		{Task: "See that it is done", Match: p.anyAddress(), Commands: [][]any{{"wait", "id", "signed-out", patience, anything, screenshot}}},
	}}
}
