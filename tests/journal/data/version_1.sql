-- A file as version 1 of the tables had it: a run that has completed, and one that is paused.
PRAGMA application_id = 1718383974;
PRAGMA user_version = 1;
PRAGMA journal_mode = WAL;
BEGIN TRANSACTION;
CREATE TABLE buffers (
  run TEXT NOT NULL, key TEXT NOT NULL, seq INTEGER NOT NULL, place INTEGER NOT NULL,
  data BLOB NOT NULL, sum INTEGER NOT NULL,
  PRIMARY KEY (run, key, seq, place)
);
CREATE TABLE context (
  run TEXT NOT NULL, key TEXT NOT NULL, seq INTEGER NOT NULL, data TEXT, sum INTEGER NOT NULL,
  PRIMARY KEY (run, key, seq)
);
INSERT INTO "context" VALUES('eb8f9dd2','rows',3,'[[1,2,3],["load",1,2,1]]',2585116972);
INSERT INTO "context" VALUES('eb8f9dd2','other',6,'[2.5,["other",1,5,3]]',579064587);
INSERT INTO "context" VALUES('eb8f9dd2','one',7,'[{"$":"bytes","v":"eHh4"},["one",1,6,2]]',3816776264);
INSERT INTO "context" VALUES('eb8f9dd2','merged',9,'[6,["merge",1,8,4]]',3393271840);
INSERT INTO "context" VALUES('81df4769','rows',3,'[[1,2,3],["load",1,2,1]]',2585116972);
INSERT INTO "context" VALUES('81df4769','one',6,'[{"$":"bytes","v":"eHh4"},["one",1,5,2]]',2766084248);
CREATE TABLE moments (
  run TEXT NOT NULL, seq INTEGER NOT NULL, time REAL NOT NULL, state TEXT NOT NULL,
  status TEXT NOT NULL, data TEXT NOT NULL, sum INTEGER NOT NULL,
  PRIMARY KEY (run, seq)
);
INSERT INTO "moments" VALUES('eb8f9dd2',1,1.79573978167298436165e+09,'','RUNNING','[[{"kind":"RunStarted","seq":1,"time":1795739781.6729844,"run_id":"eb8f9dd2","agent":"old","starts":["load"]}],{"w1":{"state":"load","scope":0,"inputs":{},"alone":false,"start":null,"error":null,"lost":[]}},[]]',328636187);
INSERT INTO "moments" VALUES('eb8f9dd2',3,1.79573978167347431188e+09,'load','RUNNING','[[{"kind":"StateStarted","seq":2,"time":1795739781.6732287,"execution":1,"state":"load","attempt":1,"branches":[1]},{"kind":"StateCompleted","seq":3,"time":1795739781.6734743,"execution":1,"state":"load","attempt":1,"next":["one","other"],"written":["rows"],"removed":[]}],{"w2":{"state":"one","scope":0,"inputs":{},"alone":false,"start":null,"error":null,"lost":[]},"w3":{"state":"other","scope":0,"inputs":{},"alone":false,"start":null,"error":null,"lost":[]},"w1":null,"mload":[1,1,true],"tload\u0000one":1,"tload\u0000other":1},["rows"]]',2341621443);
INSERT INTO "moments" VALUES('eb8f9dd2',6,1.79573978167814707752e+09,'other','RUNNING','[[{"kind":"StateStarted","seq":4,"time":1795739781.6779883,"execution":2,"state":"one","attempt":1,"branches":[2]},{"kind":"StateStarted","seq":5,"time":1795739781.6780362,"execution":3,"state":"other","attempt":1,"branches":[3]},{"kind":"StateCompleted","seq":6,"time":1795739781.678147,"execution":3,"state":"other","attempt":1,"next":["merge"],"written":["other"],"removed":[]}],{"w4":{"state":"merge","scope":0,"inputs":{},"alone":false,"start":null,"error":null,"lost":[]},"e2":{"attempt":1,"started":true,"inside":false,"branch":{"state":"one","scope":0,"inputs":{},"alone":false,"start":null,"error":null,"lost":[]},"answers":[],"once":{}},"w3":null,"w2":null,"mone":[1,0,false],"mother":[1,1,true],"tother\u0000merge":1},["other"]]',4178319312);
INSERT INTO "moments" VALUES('eb8f9dd2',7,1.79573978167825579642e+09,'one','RUNNING','[[{"kind":"StateCompleted","seq":7,"time":1795739781.6782558,"execution":2,"state":"one","attempt":1,"next":["merge"],"written":["one"],"removed":[]}],{"w5":{"state":"merge","scope":0,"inputs":{},"alone":false,"start":null,"error":null,"lost":[]},"e2":null,"mone":[1,1,true],"tone\u0000merge":1},["one"]]',2976161644);
INSERT INTO "moments" VALUES('eb8f9dd2',9,1.79573978167856335638e+09,'merge','RUNNING','[[{"kind":"StateStarted","seq":8,"time":1795739781.6784782,"execution":4,"state":"merge","attempt":1,"branches":[4,5]},{"kind":"StateCompleted","seq":9,"time":1795739781.6785634,"execution":4,"state":"merge","attempt":1,"next":[],"written":["merged"],"removed":[]}],{"w4":null,"w5":null,"mmerge":[1,1,true]},["merged"]]',2254968489);
INSERT INTO "moments" VALUES('eb8f9dd2',10,1.79573978167875099179e+09,'','COMPLETED','[[{"kind":"RunCompleted","seq":10,"time":1795739781.678751}],{},[]]',3358257855);
INSERT INTO "moments" VALUES('81df4769',1,1.79573978168253016473e+09,'','RUNNING','[[{"kind":"RunStarted","seq":1,"time":1795739781.6825302,"run_id":"81df4769","agent":"old","starts":["load"]}],{"w1":{"state":"load","scope":0,"inputs":{},"alone":false,"start":null,"error":null,"lost":[]}},[]]',2392976967);
INSERT INTO "moments" VALUES('81df4769',3,1.79573978168287062646e+09,'load','RUNNING','[[{"kind":"StateStarted","seq":2,"time":1795739781.68272,"execution":1,"state":"load","attempt":1,"branches":[1]},{"kind":"StateCompleted","seq":3,"time":1795739781.6828706,"execution":1,"state":"load","attempt":1,"next":["one","other"],"written":["rows"],"removed":[]}],{"w2":{"state":"one","scope":0,"inputs":{},"alone":false,"start":null,"error":null,"lost":[]},"w3":{"state":"other","scope":0,"inputs":{},"alone":false,"start":null,"error":null,"lost":[]},"w1":null,"mload":[1,1,true],"tload\u0000one":1,"tload\u0000other":1},["rows"]]',317565949);
INSERT INTO "moments" VALUES('81df4769',6,1.79573978168315911288e+09,'one','RUNNING','[[{"kind":"StateStarted","seq":4,"time":1795739781.6830862,"execution":2,"state":"one","attempt":1,"branches":[2]},{"kind":"StateQueued","seq":5,"time":1795739781.6831102,"execution":3,"state":"other","branches":[3]},{"kind":"StateCompleted","seq":6,"time":1795739781.683159,"execution":2,"state":"one","attempt":1,"next":["merge"],"written":["one"],"removed":[]}],{"w4":{"state":"merge","scope":0,"inputs":{},"alone":false,"start":null,"error":null,"lost":[]},"e3":{"attempt":1,"started":false,"inside":false,"branch":{"state":"other","scope":0,"inputs":{},"alone":false,"start":null,"error":null,"lost":[]},"answers":[],"once":{}},"w3":null,"w2":null,"mone":[1,1,true],"mother":[1,0,false],"tone\u0000merge":1},["one"]]',3426281731);
INSERT INTO "moments" VALUES('81df4769',7,1.79573978168340945248e+09,'','PAUSED','[[{"kind":"RunPaused","seq":7,"time":1795739781.6834095}],{},[]]',1498951720);
CREATE TABLE runs (
  id TEXT PRIMARY KEY, agent TEXT NOT NULL, status TEXT NOT NULL, created REAL NOT NULL,
  starts TEXT NOT NULL, parent TEXT, parent_seq INTEGER, holder TEXT
) WITHOUT ROWID;
INSERT INTO "runs" VALUES('81df4769','old','PAUSED',1.79573978168199968339e+09,'["load"]',NULL,NULL,NULL);
INSERT INTO "runs" VALUES('eb8f9dd2','old','COMPLETED',1.79573978166927528381e+09,'["load"]',NULL,NULL,NULL);
COMMIT;
