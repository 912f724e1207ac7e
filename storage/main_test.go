package storage_test

import (
	"testing"

	"github.com/brandidp/idp/storage/storagetest"
)

func TestMain(m *testing.M) {
	storagetest.TwiceAtOnce()
	storagetest.Main(m)
}
