//! What may reach the model: channels that nobody sees, instructions in what servers say.
