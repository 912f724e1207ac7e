package inspect

import "github.com/brandidp/idp/op/liveperson"

func (x *examination) sdes() {
	value, there := x.claims["lp_sdes"]
	if !there {
		x.pass("lp_sdes", "lp_sdes is absent: agents see the standard claims alone")
		return
	}
	found := liveperson.CheckClaim(value)
	if found == nil {
		x.pass("lp_sdes", "an array of ctmrinfo and personal, every field of its type")
	}
	for _, fault := range found {
		if fault.Documented {
			x.fail("lp_sdes", fault.Error())
		} else {
			x.warn("lp_sdes", fault.Error())
		}
	}
}
