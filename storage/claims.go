package storage

import "github.com/brandidp/idp/op/standardclaims"

// Claims are the standard claims that a consumer can have.
type Claims = standardclaims.Claims

// Address is the address claim.
type Address = standardclaims.Address
