CREATE DATABASE IF NOT EXISTS demo;
CREATE TABLE IF NOT EXISTS demo.CUSTOMERS (
  id INT PRIMARY KEY, first_name VARCHAR(50), last_name VARCHAR(50), email VARCHAR(50), gender VARCHAR(50),
  club_status VARCHAR(8), comments VARCHAR(90),
  create_ts TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
  update_ts TIMESTAMP DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP);
INSERT IGNORE INTO demo.CUSTOMERS (id, first_name, last_name, email, gender, club_status, comments) VALUES
  (1, 'Ada', 'Quill', 'ada@example.com', 'Female', 'bronze', 'writes letters'),
  (2, 'Bram', 'Oduya', 'bram@example.com', 'Male', 'platinum', 'asks good questions'),
  (3, 'Cleo', 'Marsh', 'cleo@example.com', 'Female', 'silver', 'never late'),
  (4, 'Dov', 'Lindqvist', 'dov@example.com', 'Male', 'gold', 'orders twice'),
  (5, 'Esme', 'Tanaka', 'esme@example.com', 'Female', 'platinum', 'first in the queue');
