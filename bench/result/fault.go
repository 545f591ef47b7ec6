package result

// A Fault is an error whose detail differs from case to case, such as the number of a
// connection and a position. Faults of one kind are counted together.
type Fault struct{ Kind, Detail string }

func (f *Fault) Error() string { return f.Kind + ": " + f.Detail }
