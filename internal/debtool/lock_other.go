//go:build !unix

package debtool

import "errors"

// Lock is not available here: Debian packages do not run on this system.
func Lock(string) (unlock func(), err error) {
	return nil, errors.New("fetching Debian packages works on Linux only")
}
