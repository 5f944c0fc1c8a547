pub mod clock;
pub mod cron;
pub mod crontab;
pub mod exit;
