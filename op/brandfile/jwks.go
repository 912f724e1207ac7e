package brandfile

import (
	"errors"
	"slices"
	"strings"

	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/op/liveperson"
	"github.com/brandidp/idp/storage"
)

// jwks checks the keys by which what a client signs is verified.
func (d *decoder) jwks(c *client) {
	field := c.path + ".jwks"
	alg := c.RequestObjectSigningAlg
	if alg != "" && !slices.Contains(keys.Algs, alg) {
		d.oneOf(c.path+".request_object_signing_alg", alg, keys.Algs...)
		alg = ""
	}
	switch {
	case c.JWKS == nil && alg != "":
		d.at(c.path+".request_object_signing_alg", "needs jwks, the keys to verify with")
		return
	case c.JWKS == nil:
		return
	case c.ConversationalCloud != nil:
		d.at(field, "is for clients that sign what they ask; the key that a connector's ID tokens are encrypted for belongs into conversational_cloud.encryption_key")
		return
	}
	algs := []string{alg}
	if other := c.TokenEndpointAuthSigningAlg; other != alg && slices.Contains(keys.Algs, other) {
		algs = append(algs, other)
	}
	for _, alg := range algs {
		if !d.verifies(field, c.JWKS, alg) {
			return
		}
	}
}

// verifies checks keys to verify what is signed by an algorithm, "" for any.
func (d *decoder) verifies(field string, set *storage.JWKS, alg string) bool {
	_, err := keys.NewVerifier(set, alg)
	fault, faulty := errors.AsType[liveperson.FieldError](err)
	if faulty {
		d.at(strings.TrimSuffix(field+"."+fault.Field, "."), fault.Rule)
	}
	return !faulty
}
