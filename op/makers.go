package op

import (
	"github.com/brandidp/idp/op/brandfile"
	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/storage"
)

// SealKey seals a private key that was made elsewhere, for an algorithm, as Makers seal
// those that are made here.
func (p *Provider) SealKey(private *keys.PrivateKey, alg, kid string) (*storage.SigningKey, error) {
	return private.Seal(p.opts.Keyring, alg, kid)
}

// Makers make what clients and consumers need who are written through this provider.
func (p *Provider) Makers() brandfile.Makers {
	return brandfile.Makers{
		HashPassword: p.HashPassword,
		SigningKey: func(alg string) (*storage.SigningKey, error) {
			return p.opts.Signers.Generate(p.opts.Keyring, p.opts.Rand, alg)
		},
		Rand: p.opts.Rand,
	}
}
