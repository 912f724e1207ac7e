//go:build !cgo

package keys

import (
	"crypto"
	"crypto/rsa"
	"errors"
)

var errNoCgo = errors.New("this program was built without cgo")

func loadOpenSSL() (version string, err error) { return "", errNoCgo }

func handToOpenSSL(*rsa.PrivateKey) (crypto.Signer, error) { return nil, errNoCgo }
