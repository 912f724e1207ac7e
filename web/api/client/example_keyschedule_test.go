package client_test

import (
	"fmt"

	"github.com/brandidp/idp/web/api/client"
)

const day = 24 * 60 * 60

func ExampleClient_PutKeySchedule() {
	err := api.PutKeySchedule(ctx, "messaging", "RS256", &client.KeyScheduleTimes{Every: 90 * day})
	fmt.Println(err != nil) // it may hold a pasted key
	check(api.PutKeySchedule(ctx, "", "RS256", &client.KeyScheduleTimes{Every: 90 * day, Wait: 2 * day}))
	// Output: true
}

func ExampleClient_ListKeySchedules() {
	check(api.PutKeySchedule(ctx, "", "ES256", &client.KeyScheduleTimes{Every: 30 * day}))
	all, err := api.ListKeySchedules(ctx)
	check(err)
	for _, schedule := range all {
		if schedule.Alg == "ES256" {
			fmt.Println(schedule.Every/day, schedule.Wait/day, schedule.Keep/day, schedule.Next)
		}
	}
	// Output: 30 1 2 activate
}

func ExampleClient_PauseKeySchedule() {
	check(api.PutKeySchedule(ctx, "", "PS256", &client.KeyScheduleTimes{Every: 90 * day}))
	check(api.PauseKeySchedule(ctx, "", "PS256"))
	all, err := api.ListKeySchedules(ctx)
	check(err)
	for _, schedule := range all {
		if schedule.Alg == "PS256" {
			fmt.Println(schedule.PausedAt.IsZero())
		}
	}
	// Output: false
}

func ExampleClient_ResumeKeySchedule() {
	check(api.PutKeySchedule(ctx, "", "PS256", &client.KeyScheduleTimes{Every: 90 * day}))
	check(api.ResumeKeySchedule(ctx, "", "PS256"))
	fmt.Println("it goes on")
	// Output: it goes on
}

func ExampleClient_DeleteKeySchedule() {
	check(api.PutKeySchedule(ctx, "", "EdDSA", &client.KeyScheduleTimes{Every: 90 * day}))
	check(api.DeleteKeySchedule(ctx, "", "EdDSA"))
	fmt.Println(api.DeleteKeySchedule(ctx, "", "EdDSA"))
	// Output: 404 Not Found: there is no schedule, or no client, of this name
}
