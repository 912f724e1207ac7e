package liveperson

import "time"

// Date is a whole calendar date. Conversational Cloud requires all three parts.
type Date struct {
	Day   *int `json:"day,omitempty"`
	Month *int `json:"month,omitempty"`
	Year  *int `json:"year,omitempty"`
}

// NewDate makes the date of a year, a month from 1 and a day from 1.
func NewDate(year, month, day int) *Date {
	return &Date{Day: &day, Month: &month, Year: &year}
}

// rule returns the rule that the date breaks, or "".
func (d Date) rule() string {
	if d.Day == nil || d.Month == nil || d.Year == nil {
		return "needs day, month and year, all three, as whole numbers"
	}

	year, month, day := *d.Year, *d.Month, *d.Day
	if year < 1 || year > 9999 {
		return "must have a year of 1 to 9999"
	}
	// Checked before time.Date, which would turn the 31st of April into May.
	if month < 1 || month > 12 || day < 1 || day > 31 {
		return notADate
	}

	if time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC).Day() != day {
		return notADate
	}

	return ""
}

const notADate = "must be a date that exists in the calendar"
