"""Programs that contenders run in processes of their own."""
