package brandfile

import "slices"

// webMessage checks that there is a page which response_mode=web_message could
// post to.
func (d *decoder) webMessage(c *client) {
	reachable := slices.ContainsFunc(c.RedirectURIs, func(address string) bool {
		_, ok := c.WebMessageOrigin(address)
		return ok
	})
	if c.WebMessage && !reachable {
		d.at(c.path+".web_message", "needs a redirect address whose origin is one of web_origins: a message goes to that origin alone")
	}
}
